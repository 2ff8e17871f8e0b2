/**
 * Cuts the text of an answer into blocks while it grows. A block is a stretch of whole lines that can be parsed without its
 * neighbours; once the next block has begun it never changes, so that only the last one is parsed again when text arrives.
 *
 * Invariants (tested): the sources of all blocks, joined, are the text but for blank lines at its end; feeding a text in any pieces ends in the same blocks
 * as feeding it at once; parsing block by block gives what parsing the whole gives, as long as no block reaches a limit.
 * When in doubt a line stays in the block before it: a block that is too large costs time, one that is too small changes
 * the meaning.
 */
export type Block = {
  /** Where it begins in the text: what tells it from its neighbours. */
  readonly at: number;
  readonly source: string;
  /** Level of the heading the block stands under or begins with: 3 to 6, or 2, which is the message's, above the first. */
  readonly level: number;
} /** `goesOn`: its first paragraph goes on with the one before it, which has reached a limit. */ & (
  | { readonly kind: "markdown"; readonly goesOn?: true }
  | { readonly kind: "table" }
  /** A fenced code block. `closed`: its last fence has been seen. */
  | { readonly kind: "code"; readonly info: string; readonly text: string; readonly closed: boolean }
  /** Display mathematics between lines of `$$`, or of `\[` and `\]`. */
  | { readonly kind: "math"; readonly text: string; readonly closed: boolean }
  /** A footnote; `text` is its markdown without the label. */
  | { readonly kind: "note"; readonly label: string; readonly text: string }
);

/** From here on (characters) a list is cut before its next item, which costs nothing but a gap in loose lists. */
const listSoftLimit = 4_000;
/** No block that must be parsed as one grows beyond this: it is cut at the next end of a line, or in one that never ends. */
const hardLimit = 16_000;

type Open =
  | { readonly kind: "nothing" }
  /** A heading or a rule: one line. */
  | { readonly kind: "line" }
  /** `last`: where its last line begins, which may turn out to be the head of a table. */
  | { readonly kind: "paragraph"; readonly last: number }
  /** `bare`: its last line had no text, so that nothing without a `>` can belong to it. */
  | { readonly kind: "quote"; readonly bare: boolean }
  | { readonly kind: "indented" }
  /**
   * `contentIndent`: where the text of its last item begins. `bare`: that item has only its mark so far.
   * `fence`: what opened the code that the item is in, or "". `text`: its last line may go on in one that is not indented.
   */
  | {
      readonly kind: "list";
      readonly contentIndent: number;
      readonly bare: boolean;
      readonly fence: string;
      readonly text: boolean;
    }
  | { readonly kind: "table" }
  | { readonly kind: "note"; readonly label: string }
  | { readonly kind: "code"; readonly fence: string; readonly indent: number; readonly info: string }
  | { readonly kind: "math"; readonly closer: "$$" | "\\]" };

interface State {
  /** Where the open block starts, where the first line that has not been read starts. */
  readonly start: number;
  readonly read: number;
  readonly open: Open;
  /** The line before was blank. */
  readonly gap: boolean;
  readonly level: number;
  /** The open block, or the next one, goes on with a paragraph that was cut. */
  readonly goesOn: boolean;
}

const atStart: State = {
  start: 0,
  read: 0,
  open: { kind: "nothing" },
  gap: false,
  level: 2,
  goesOn: false,
};

const fenceLine = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const mathLine = /^ {0,3}(?:(\$\$)|(\\\[))[ \t]*$/;
const headingLine = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const listLine = /^( *)([-+*]|\d{1,9}[.)])(?:( {1,4})(?! )|( +|\t)|$)/;
const noteLine = /^\[\^([^\]\s]{1,100})\]:/;
const breakLine = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const delimiterRow = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
/** Under a paragraph a heading, else a rule. */
const underline = /^ {0,3}(?:-+|=+)[ \t]*$/;
const quoteLine = /^ {0,3}>/;
const bareQuote = /^[ \t>]*$/;
/** A list item that ends a paragraph: not an empty one, and numbers only from 1. */
const itemAfterText = /^ {0,3}(?:[-+*]|1[.)])[ \t]+\S/;
/** What ends a table without a blank line. */
const endsTable = /^ {0,3}(?:>|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$))/;

function indentOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === " ") columns += 1;
    else if (character === "\t") columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

export class Blocks {
  #text = "";
  #state: State = atStart;
  #closed: Block[] = [];

  /** Blocks that never change again, oldest first. The same array as long as the text only grows; read, do not keep. */
  get closed(): readonly Block[] {
    return this.#closed;
  }

  /**
   * Takes the whole text as it is now. A text that does not begin with the one before starts again from nothing.
   * Returns the blocks at the end that may still change: none, one, or two while the last line has not ended.
   */
  update(text: string): readonly Block[] {
    if (!text.startsWith(this.#text)) {
      this.#state = atStart;
      this.#closed = [];
    }
    this.#text = text;
    for (;;) {
      const end = text.indexOf("\n", this.#state.read);
      if (end < 0) break;
      this.#state = this.#line(this.#state, text.slice(this.#state.read, end), end + 1, this.#closed);
    }
    // A line without end that is already too long counts as ended, or it would be read again with every piece.
    while (text.length - this.#state.read > hardLimit) {
      const open = this.#state.open.kind;
      if (open === "code" || open === "math") break;
      const end = cutWithin(text, this.#state.read);
      this.#state = this.#line(this.#state, text.slice(this.#state.read, end), end, this.#closed);
      this.#emit(this.#state, end, this.#closed);
      const goesOn = this.#state.open.kind === "paragraph";
      this.#state = { ...this.#state, start: end, open: { kind: "nothing" }, gap: false, goesOn };
    }
    const last: Block[] = [];
    let state = this.#state;
    if (state.read < text.length) state = this.#line(state, text.slice(state.read), text.length, last);
    if (state.start < text.length && state.open.kind !== "nothing") this.#emit(state, text.length, last);
    return last;
  }

  /** Reads one line (without its end, which is at `end`); blocks that it completes go to `out`. */
  #line(state: State, raw: string, end: number, out: Block[]): State {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const next: State = { ...state, read: end };
    const open = state.open;
    if (open.kind === "code" || open.kind === "math") {
      if (!closes(open, line)) return next;
      this.#emit(next, end, out);
      return { ...next, start: end, open: { kind: "nothing" }, gap: false };
    }
    if (line.trim() === "") {
      const isBetween = open.kind === "nothing";
      return { ...next, gap: !isBetween, open: afterGap(open), goesOn: state.goesOn && !isBetween };
    }
    if (open.kind === "nothing") return begin(next, line, state.read);
    if (beginsBlock(state, line, state.read - state.start)) {
      this.#emit(state, state.read, out);
      // Text behind text is a block of its own only where a limit was reached.
      const goesOn = open.kind === "paragraph" && !state.gap;
      return begin({ ...next, start: state.read, goesOn }, line, state.read);
    }
    if (open.kind === "paragraph" && isTable(this.#text.slice(open.last, state.read).trim(), line)) {
      const before = this.#text.slice(state.start, open.last).trim();
      if (before === "") return { ...next, open: { kind: "table" } };
      this.#emit(state, open.last, out);
      return { ...next, start: open.last, open: { kind: "table" }, goesOn: false };
    }
    return { ...next, gap: false, open: goesOn(open, line, state.read) };
  }

  #emit(state: State, end: number, out: Block[]): void {
    const source = this.#text.slice(state.start, end);
    const { open, level, start: at } = state;
    switch (open.kind) {
      case "code": {
        const body = inside(source, (line) => closes(open, line));
        const text = open.indent === 0 ? body.text : dedent(body.text, open.indent);
        out.push({ kind: "code", at, source, level, info: open.info, text, closed: body.closed });
        return;
      }
      case "math":
        out.push({ kind: "math", at, source, level, ...inside(source, (line) => closes(open, line)) });
        return;
      case "note": {
        const text = source
          .trimStart()
          .replace(noteLine, "")
          .replace(/\n {1,4}/g, "\n");
        out.push({ kind: "note", at, source, level, label: open.label, text: text.trim() });
        return;
      }
      case "table":
        out.push({ kind: "table", at, source, level });
        return;
      default:
        out.push({ kind: "markdown", at, source, level, ...(state.goesOn ? { goesOn: true } : {}) });
    }
  }
}

function begin(state: State, line: string, at: number): State {
  const heading = headingLine.exec(line)?.[1];
  const level = heading === undefined ? state.level : Math.min(heading.length + 2, state.level + 1, 6);
  const open = opened(line, at);
  return { ...state, gap: false, level, open, goesOn: state.goesOn && open.kind === "paragraph" };
}

/** What `line`, which begins at `at`, opens. */
function opened(line: string, at: number): Open {
  const fence = fenceLine.exec(line);
  if (fence !== null) {
    return {
      kind: "code",
      indent: fence[1]?.length ?? 0,
      fence: fence[2] ?? "",
      info: fence[3]?.trim() ?? "",
    };
  }
  const math = mathLine.exec(line);
  if (math !== null) return { kind: "math", closer: math[1] === undefined ? "\\]" : "$$" };
  if (headingLine.test(line) || breakLine.test(line)) return { kind: "line" };
  const label = noteLine.exec(line)?.[1];
  if (label !== undefined) return { kind: "note", label };
  if (indentOf(line) > 3) return { kind: "indented" };
  if (quoteLine.test(line)) return { kind: "quote", bare: bareQuote.test(line) };
  const item = listLine.exec(line);
  if (item !== null) return listOf(item, line);
  return { kind: "paragraph", last: at };
}

function listOf(item: RegExpExecArray, line: string): Open {
  const contentIndent = (item[1]?.length ?? 0) + (item[2]?.length ?? 1) + (item[3]?.length ?? 1);
  return { kind: "list", contentIndent, bare: line.trim() === item[2], fence: "", text: true };
}

/** An item that has only its mark ends with a blank line: nothing belongs to it any more. */
function afterGap(open: Open): Open {
  return open.kind === "list" && open.bare ? { ...open, contentIndent: Number.POSITIVE_INFINITY } : open;
}

/** Whether `line`, not blank, starts a block of its own after `state.open`, which has `size` characters. */
function beginsBlock(state: State, line: string, size: number): boolean {
  const { open, gap } = state;
  const indent = indentOf(line);
  if (size > hardLimit && open.kind !== "table") return true;
  const isBreak = breakLine.test(line) && !underline.test(line);
  const outside = open.kind === "list" ? indent < open.contentIndent : open.kind !== "note" || indent < 4;
  if (outside && (fenceLine.test(line) || mathLine.test(line) || headingLine.test(line))) return true;
  switch (open.kind) {
    case "list": {
      const item = listLine.test(line) && indent < 4;
      if (outside && indent < 4 && (quoteLine.test(line) || isBreak)) return true;
      if (outside && (open.bare || !open.text) && !item) return true;
      if (item && outside && size > listSoftLimit) return true;
      return gap && outside && !item;
    }
    case "note":
      return noteLine.test(line) || (gap && indent < 4);
    case "table":
      return gap || indent > 3 || endsTable.test(line) || breakLine.test(line);
    case "line":
      return true;
    case "indented":
      return indent < 4;
    case "paragraph":
      return gap || quoteLine.test(line) || itemAfterText.test(line) || isBreak;
    case "quote":
      return gap || (!quoteLine.test(line) && (open.bare || itemAfterText.test(line) || isBreak));
    default:
      return false;
  }
}

/** What `open` is after `line`, which begins at `at` and belongs to it. */
function goesOn(open: Open, line: string, at: number): Open {
  if (open.kind === "paragraph") {
    return underline.test(line) ? { kind: "line" } : { kind: "paragraph", last: at };
  }
  if (breakLine.test(line) && indentOf(line) < (open.kind === "list" ? open.contentIndent : 4)) {
    // A rule, or it makes the text before it a heading; in both cases nothing goes on behind it.
    return open.kind === "list" || open.kind === "quote" ? { kind: "line" } : open;
  }
  if (open.kind === "list") {
    const item = indentOf(line) < open.contentIndent ? listLine.exec(line) : null;
    if (item !== null) return listOf(item, line);
    const fence = fenceAfter(open.fence, line);
    return { ...open, bare: false, fence, text: fence === "" && open.fence === "" };
  }
  if (open.kind === "quote") {
    if (quoteLine.test(line)) return { kind: "quote", bare: bareQuote.test(line) };
    // Text of the quote or a list behind it: what is open in the quote decides, so both stay together.
    const item = indentOf(line) > 3 ? null : listLine.exec(line);
    return item === null ? open : listOf(item, line);
  }
  return open;
}

/** The fence of the code that an item is in after `line`, if it was in that of `fence` before. */
function fenceAfter(fence: string, line: string): string {
  const mark = /^(`{3,}|~{3,})(.*)$/.exec(line.trim());
  if (mark === null) return fence;
  if (fence === "") return mark[1] ?? "";
  return line.trim().startsWith(fence) && mark[2] === "" ? "" : fence;
}

function isTable(header: string, line: string): boolean {
  if (!header.includes("|") || !line.includes("-") || line.length > 1_000 || !delimiterRow.test(line))
    return false;
  if (/^[>#]/.test(header) || indentOf(line) > 3) return false;
  return cells(header) === cells(line.trim());
}

function cells(row: string): number {
  const inner = row.replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).length;
}

function closes(open: Extract<Open, { kind: "code" | "math" }>, line: string): boolean {
  const trimmed = line.trim();
  if (open.kind === "math") return trimmed === open.closer;
  if (indentOf(line) > 3 || trimmed.length < open.fence.length) return false;
  return trimmed.startsWith(open.fence) && trimmed === trimmed.charAt(0).repeat(trimmed.length);
}

/** The lines between the first line of `source` (blank ones before it aside) and its closing line, if that is there. */
function inside(source: string, isEnd: (line: string) => boolean): { text: string; closed: boolean } {
  const lead = /^(?:[ \t]*\r?\n)*/.exec(source)?.[0].length ?? 0;
  const firstEnd = source.indexOf("\n", lead);
  if (firstEnd < 0) return { text: "", closed: false };
  const body = source.slice(firstEnd + 1);
  const trimmed = body.endsWith("\n") ? body.slice(0, -1) : body;
  const lastStart = trimmed.lastIndexOf("\n") + 1;
  if (isEnd(trimmed.slice(lastStart))) return { text: body.slice(0, lastStart), closed: true };
  return { text: body, closed: false };
}

function dedent(text: string, columns: number): string {
  return text.replace(new RegExp(`^ {1,${columns}}`, "gm"), "");
}

/** Where to cut a line that is too long: after a space if there is one, never inside a surrogate pair. */
function cutWithin(text: string, from: number): number {
  const space = text.lastIndexOf(" ", from + hardLimit);
  if (space > from + hardLimit / 2) return space + 1;
  const end = from + hardLimit;
  const unit = text.charCodeAt(end - 1);
  return unit >= 0xd800 && unit < 0xdc00 ? end - 1 : end;
}
