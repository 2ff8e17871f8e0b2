// Chance that can be repeated: BROWSER_SEED=N.
export const seed = Number(process.env["BROWSER_SEED"] ?? Math.floor(Math.random() * 1_000_000_000));

let state = seed;
/** A number in [0, 1). */
export function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** `count` different whole numbers from 1 to `most`, in order. */
export function moments(count: number, most: number): number[] {
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(1 + Math.floor(random() * most));
  return [...drawn].sort((a, b) => a - b);
}
