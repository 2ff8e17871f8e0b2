/** What a key does to the list, by where the focus is. Pure; the list does it. */
export type ListMove =
  | { readonly kind: "focus"; readonly index: number }
  | { readonly kind: "rename" | "remove"; readonly index: number };

/** @param index of the focused conversation among all, -1: none. Undefined: the key is none of the list's. */
export function listMove(key: string, index: number, count: number): ListMove | undefined {
  if (count === 0) return undefined;
  const last = count - 1;
  switch (key) {
    case "ArrowDown":
      return { kind: "focus", index: Math.min(index + 1, last) };
    case "ArrowUp":
      return { kind: "focus", index: Math.max(index - 1, 0) };
    case "Home":
      return { kind: "focus", index: 0 };
    case "End":
      return { kind: "focus", index: last };
    case "F2":
      return index < 0 ? undefined : { kind: "rename", index };
    case "Delete":
      return index < 0 ? undefined : { kind: "remove", index };
    default:
      return undefined;
  }
}

/** Which one has the focus after the one at `index` of `count` went away: the next, else the one before. -1: none is left. */
export function indexAfterRemoval(index: number, count: number): number {
  return Math.min(index, count - 2);
}
