/**
 * Markdown to tokens: CommonMark, tables, strikethrough, bare addresses, `<br>`, mathematics and footnote marks. No HTML is
 * made anywhere: tags in the text stay text, and tokens become React elements in render.tsx.
 *
 * markdown-it was chosen by measuring (4 kB of list: 1.5 ms, micromark with mdast 19 ms) and because it stays linear on
 * bombs of brackets, emphasis and quotes.
 */
import MarkdownIt, { type Token } from "markdown-it";
import { footnoteMark, lineBreakTag, mathematics } from "./syntax.ts";

export type { Token };

/** What a block must know of others: link reference definitions by normalised label, labels of footnotes. */
export interface Shared {
  readonly references: Readonly<Record<string, { readonly title: string; readonly href: string }>>;
  readonly notes: readonly string[];
}
export const nothingShared: Shared = { references: {}, notes: [] };

/** Deeper nesting is shown as plain text, and so is a block of more tokens than anybody writes. */
const nestingMax = 40;
const tokensMax = 8_000;

const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false });
markdown.set({ maxNesting: nestingMax });
// What may be a link is decided where it is drawn (links.tsx), so that a refused one still shows its text and its target.
markdown.validateLink = () => true;
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.inline.ruler.before("escape", "mathematics", mathematics);
markdown.inline.ruler.before("link", "footnote_mark", footnoteMark);
markdown.inline.ruler.before("autolink", "line_break_tag", lineBreakTag);

/** Tokens of one block, or undefined when there are too many, or too deep, to be drawn as anything but text. */
export function parse(source: string, shared: Shared): Token[] | undefined {
  const tokens = markdown.parse(source, { references: { ...shared.references }, notes: shared.notes });
  const count = tokens.reduce((sum, token) => sum + 1 + (token.children?.length ?? 0), 0);
  return count > tokensMax || tokens.some(isTooDeep) ? undefined : tokens;
}

/** The parser's own limit drops blocks that are deeper, and does not count emphasis. */
function isTooDeep(token: Token): boolean {
  return token.level >= nestingMax - 2 || (token.children?.some(isTooDeep) ?? false);
}

const definition = /^ {0,3}\[[^\]]+\]:/m;

/** Adds the link reference definitions of `source` to `shared`; the same object when there is nothing new. */
export function learn(source: string, shared: Shared): Shared {
  if (!definition.test(source)) return shared;
  const references = { ...shared.references };
  const known = Object.keys(references).length;
  markdown.parse(source, { references, notes: [] });
  return Object.keys(references).length === known ? shared : { ...shared, references };
}

const label = /\[([^[\]]{1,200})\]/g;

/** The part of `shared` that `source` refers to: equal texts with equal parts parse to equal tokens. */
export function relevant(source: string, shared: Shared): Shared {
  if (shared === nothingShared || !source.includes("[")) return nothingShared;
  const references: Record<string, { title: string; href: string }> = {};
  const notes: string[] = [];
  let found = false;
  for (const match of source.matchAll(label)) {
    const name = match[1] ?? "";
    const reference = shared.references[markdown.utils.normalizeReference(name)];
    if (reference !== undefined) references[markdown.utils.normalizeReference(name)] = reference;
    const isNote = name.startsWith("^") && shared.notes.includes(name.slice(1));
    if (isNote) notes.push(name.slice(1));
    found ||= isNote || reference !== undefined;
  }
  return found ? { references, notes } : nothingShared;
}
