/** How numbers are written on the page. */

/** `840 ms`, `6.2 s`, `1 min 20 s`. Negative times, which clocks that disagree can give, count as none. */
export function durationText(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  return longDuration(Math.round(ms / 1_000));
}

/** Whole seconds in words: `4 s`, `1 min 20 s`. At least one. */
export function secondsText(milliseconds: number): string {
  return longDuration(Math.max(1, Math.round(milliseconds / 1_000)));
}

function longDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  if (minutes === 0) return `${rest} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

const grouped = new Intl.NumberFormat("en");

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${grouped.format(count)} ${count === 1 ? one : many}`;
}

/** Words as a reader counts them, in languages without spaces too where the browser can. */
export function wordsOf(text: string): number {
  if (typeof Intl.Segmenter !== "function") return text.split(/\s+/u).filter((word) => word !== "").length;
  let words = 0;
  for (const part of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    if (part.isWordLike === true) words += 1;
  }
  return words;
}

/** How many whole seconds are left until then; at least 0. Both are milliseconds of `Date.now()`. */
export function secondsLeft(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1_000));
}
