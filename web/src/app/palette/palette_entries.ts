/** What the palette offers for what is typed. Pure: the best first, at most as many as can be looked at. */
export interface PaletteEntry {
  /** Of the entry among all: `chat:ID`, `action:NAME`, `model:ID`. */
  readonly key: string;
  readonly group: "Actions" | "Chats" | "Models";
  readonly text: string;
  /** Other words it is found by. */
  readonly also?: string | undefined;
  readonly detail?: string | undefined;
  readonly keys?: string | undefined;
  readonly run: () => void;
}

const shownMax = 50;

/** 0: no match. A title that begins with the query is better than one with a word that does, and that than one that has it. */
export function score(text: string, query: string): number {
  const where = text.toLocaleLowerCase();
  const what = query.trim().toLocaleLowerCase();
  if (what === "") return 1;
  if (where.startsWith(what)) return 4;
  const words = where.split(/[^\p{L}\p{N}]+/u);
  if (words.some((word) => word.startsWith(what))) return 3;
  if (where.includes(what)) return 2;
  return what.split(/\s+/).every((part) => where.includes(part)) ? 1 : 0;
}

/**
 * Groups keep together, and the group of the best entry comes first; equals stay in the order they were given in (chats: the
 * newest first). Without a query models are left out: they answer a question nobody asked yet.
 */
export function paletteEntries(all: readonly PaletteEntry[], query: string): readonly PaletteEntry[] {
  const blank = query.trim() === "";
  const scored = all
    .filter((entry) => !(blank && entry.group === "Models"))
    .map((entry) => ({
      entry,
      score: Math.max(score(entry.text, query), entry.also === undefined ? 0 : score(entry.also, query)),
    }))
    .filter((one) => one.score > 0);
  const best = new Map<PaletteEntry["group"], number>();
  for (const one of scored) best.set(one.entry.group, Math.max(best.get(one.entry.group) ?? 0, one.score));
  const groups = [...best.keys()].sort((a, b) => (best.get(b) ?? 0) - (best.get(a) ?? 0));
  return groups
    .flatMap((group) =>
      scored
        .filter((one) => one.entry.group === group)
        .sort((a, b) => b.score - a.score)
        .map((one) => one.entry),
    )
    .slice(0, shownMax);
}
