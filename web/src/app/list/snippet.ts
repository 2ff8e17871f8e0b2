/** A piece of a text, and whether it is what was searched for. */
export interface SnippetPart {
  readonly text: string;
  readonly match: boolean;
}

/**
 * A text cut at what was searched for, whatever its case. The parts together are the text, so that marking never needs HTML.
 * The whole query is looked for first; when it is not there as it was written, its words are.
 */
export function markMatches(text: string, query: string): readonly SnippetPart[] {
  const whole = query.trim();
  if (whole === "" || text === "") return text === "" ? [] : [{ text, match: false }];
  const parts = cut(text, [whole]);
  return parts.length > 1 || parts[0]?.match === true ? parts : cut(text, whole.split(/\s+/));
}

function cut(text: string, needles: readonly string[]): readonly SnippetPart[] {
  // Longer ones first: of "a ab" the longer word is marked where both begin.
  const sorted = needles.toSorted((a, b) => b.length - a.length).map(escapeForPattern);
  const pattern = new RegExp(`(${sorted.join("|")})`, "giu");
  return text
    .split(pattern)
    .map((piece, index) => ({ text: piece, match: index % 2 === 1 }))
    .filter((part) => part.text !== "");
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
