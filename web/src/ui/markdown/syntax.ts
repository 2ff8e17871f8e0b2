/** What answers contain beyond CommonMark and tables, as inline rules: mathematics, footnote marks, `<br>`. */
import type { StateInline } from "markdown-it";

/** A formula in a paragraph is no longer than this; the rest of a long paragraph is not searched for its end. */
const formulaMax = 4_000;

const dollar = 0x24;
const backslash = 0x5c;
const bracket = 0x5b;
const lessThan = 0x3c;

/**
 * `$x$`, `$$x$$`, `\(x\)` and `\[x\]`. A single dollar opens only before a character that is not a space, and closes only
 * after one and not before a digit: "from $5 to $10" stays what it is.
 */
export function mathematics(state: StateInline, silent: boolean): boolean {
  const formula = formulaAt(state.src, state.pos, state.posMax);
  if (formula === undefined) return false;
  if (!silent) {
    const token = state.push("math", "", 0);
    token.content = formula.tex;
    token.markup = state.src.slice(state.pos, formula.end);
    token.info = formula.display ? "display" : "";
  }
  state.pos = formula.end;
  return true;
}

interface Formula {
  readonly tex: string;
  readonly display: boolean;
  readonly end: number;
}

function formulaAt(text: string, at: number, textEnd: number): Formula | undefined {
  const first = text.charCodeAt(at);
  if (first !== dollar && first !== backslash) return undefined;
  const opener = openerAt(text, at);
  if (opener === undefined) return undefined;
  const from = at + opener.length;
  const within = text.slice(from, Math.min(textEnd, from + formulaMax));
  const length = opener === "$" ? endOfDollar(within) : within.indexOf(closers[opener]);
  if (length <= 0) return undefined;
  const tex = within.slice(0, length);
  if (tex.trim() === "") return undefined;
  return { tex, display: opener === "$$" || opener === "\\[", end: from + length + closers[opener].length };
}

const closers = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" } as const;

function openerAt(text: string, at: number): keyof typeof closers | undefined {
  const two = text.slice(at, at + 2);
  if (two === "$$" || two === "\\(" || two === "\\[") return two;
  return two.startsWith("$") && !/^\$\s?$/.test(two) ? "$" : undefined;
}

/** Length of the formula in front of the dollar that closes it, or -1. */
function endOfDollar(text: string): number {
  for (let at = text.indexOf("$", 1); at >= 0; at = text.indexOf("$", at + 1)) {
    if (text[at - 1] === "\\") continue;
    // The first dollar decides: a second one further on would swallow the prose between.
    return /\s/.test(text[at - 1] ?? " ") || /\d/.test(text[at + 1] ?? "") ? -1 : at;
  }
  return -1;
}

/** `[^label]`, if the footnote is known (`env.notes`). */
export function footnoteMark(state: StateInline, silent: boolean): boolean {
  if (state.src.charCodeAt(state.pos) !== bracket || state.src[state.pos + 1] !== "^") return false;
  const end = state.src.indexOf("]", state.pos + 2);
  if (end < 0 || end >= state.posMax || end - state.pos > 102) return false;
  const label = state.src.slice(state.pos + 2, end);
  const notes: unknown = state.env["notes"];
  if (!Array.isArray(notes) || !notes.includes(label)) return false;
  if (!silent) state.push("note_mark", "", 0).content = label;
  state.pos = end + 1;
  return true;
}

/** `<br>`, which models write into table cells. The only tag that does something. */
export function lineBreakTag(state: StateInline, silent: boolean): boolean {
  if (state.src.charCodeAt(state.pos) !== lessThan) return false;
  const tag = /^<br ?\/?>/i.exec(state.src.slice(state.pos, state.pos + 6))?.[0];
  if (tag === undefined) return false;
  if (!silent) state.push("hardbreak", "br", 0);
  state.pos += tag.length;
  return true;
}
