/**
 * Whether the page follows an answer that grows. Pure: the scroller tells what happened, this says what holds, and who
 * changes the scroll position is the scroller.
 *
 *   following --reader goes up--> reading --something grows below--> reading, new below
 *   reading ----reader comes to the end, or asks for it, or sends--> following
 *
 * Only the reader ends the following: a layout that grows or shrinks never does, and what the page scrolls itself neither.
 */
export type Follow =
  | { readonly kind: "following" }
  /** `newBelow`: text arrived below since. */
  | { readonly kind: "reading"; readonly newBelow: boolean };

export interface Scrolled {
  /** From what is seen to the end, in pixels. */
  readonly below: number;
  /** How far the reader went; negative is up. */
  readonly by: number;
}

/** Nearer to the end than this is the end. Scroll positions have fractions, and a hand is not exact. */
export const endTolerance = 24;

export const following: Follow = { kind: "following" };
const reading: Follow = { kind: "reading", newBelow: false };
const readingWithNews: Follow = { kind: "reading", newBelow: true };

/** The reader scrolled. A step up ends the following even within the tolerance, so that it is never a fight. */
export function scrolled(now: Follow, { below, by }: Scrolled): Follow {
  if (now.kind === "following") return by < 0 && below > 1 ? reading : now;
  return by >= 0 && below <= endTolerance ? following : now;
}

/** The reader said "up" (wheel, key, finger) before anything moved: what grows meanwhile must not pull back. */
export function pulledUp(now: Follow, canGoUp: boolean): Follow {
  return now.kind === "following" && canGoUp ? reading : now;
}

/** Text arrived, or a message. */
export function grew(now: Follow): Follow {
  return now.kind === "reading" && !now.newBelow ? readingWithNews : now;
}
