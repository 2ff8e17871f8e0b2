/** Positions as text (docs/protocol.md, 4.1): `1-42`, `0-0` for "nothing that counts", and the empty one for "I have nothing". */
import type { Position } from "./types.ts";

/** What a reset that is not part of the log leaves behind. Sent like any position; the engine answers it with the whole text. */
export const nowhere: Position = { attempt: 0, index: 0 };

const pattern = /^(\d{1,9})-(\d{1,9})$/;

/** Null for the empty text. Throws for what is no position. */
export function parsePosition(text: string): Position | null {
  if (text === "") return null;
  const found = pattern.exec(text);
  if (found === null) throw new Error(`'${text.slice(0, 40)}' is not a position`);
  return { attempt: Number(found[1]), index: Number(found[2]) };
}

export function formatPosition(position: Position | null): string {
  return position === null ? "" : `${position.attempt}-${position.index}`;
}

/** Negative if `left` is before `right`. Having nothing is before everything; `0-0` is right behind it. */
export function comparePositions(left: Position | null, right: Position | null): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return left.attempt - right.attempt || left.index - right.index;
}
