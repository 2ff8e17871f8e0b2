/**
 * How long to wait before the next try: full jitter (anything from nothing to the limit, so that the clients of a server that
 * restarts spread out), the limit doubling up to 30 s.
 */
export const backoff_first_ms = 1_000;
export const backoff_max_ms = 30_000;
/** A server may ask for more patience than this, but is asked again all the same. */
const asked_max_ms = 5 * 60_000;

/**
 * `failures`: how many tries in a row have failed, 1 or more. `random`: at least 0, below 1. `askedMs`: what the server asked
 * for at this failure; it is waited for in any case, with up to a tenth on top. `baseMs`: the limit after the first failure.
 */
export function backoffMs(
  failures: number,
  random: number,
  askedMs: number | null,
  baseMs = backoff_first_ms,
): number {
  if (askedMs !== null) return Math.round(Math.min(askedMs, asked_max_ms) * (1 + random / 10));
  const limit = Math.min(backoff_max_ms, baseMs * 2 ** Math.min(failures - 1, 10));
  return Math.round(limit * random);
}
