/**
 * The open end of an answer as what it is going to be: emphasis that has begun ends here for now, half a link shows its text
 * only, a table has its line of dashes, and marks whose meaning the next character decides wait for it. A guess, made again
 * with every piece and never for text that is complete; when it is wrong the text is right one piece later.
 */
export function completed(source: string): string {
  const lineStart = source.lastIndexOf("\n") + 1;
  const line = source.slice(lineStart);
  if (undecided.test(line)) return source.slice(0, lineStart);
  const table = completedTable(source);
  if (table !== undefined) return table;
  const from = runStart(source, lineStart);
  return source.slice(0, from) + completedRun(source.slice(from));
}

/** A last line that may become a heading, a rule, an item, a quote, a fence, or text. */
const undecided =
  /^[ \t]*(?:=+|-+|\*{1,3}|_+|#{1,6}|\+|\d{1,3}[.)]?|[-+*]|>+|`{1,2}|~{1,2}|\||\[|\\\[|\$\$?)[ \t]*$/;

function completedTable(source: string): string | undefined {
  const lines = source.trimStart().split("\n");
  const [header = "", second = ""] = lines;
  if (!header.startsWith("|") || lines.length > 2 || !/^[ \t|:-]*$/.test(second)) return undefined;
  const columns = header.replace(/^\||\|[ \t]*$/g, "").split("|").length;
  return `${header}\n|${"-|".repeat(columns)}`;
}

const marker = /^[ \t]*(?:(?:[-+*>]|\d{1,9}[.)]|#{1,6})[ \t]+)*/;

/** Where the inline text begins that the end of `source` belongs to. */
function runStart(source: string, lineStart: number): number {
  let at = lineStart;
  for (;;) {
    const end = source.indexOf("\n", at);
    const line = source.slice(at, end < 0 ? source.length : end);
    const marks = marker.exec(line)?.[0] ?? "";
    if (marks.trim() !== "") return at + marks.length;
    if (line.trim() === "" && at !== lineStart) return end + 1;
    // A negative start means 0 to lastIndexOf: a leading line end would be found for ever.
    if (at < 2) return 0;
    at = source.lastIndexOf("\n", at - 2) + 1;
  }
}

interface Opener {
  readonly mark: string;
  readonly at: number;
}

const word = /[\p{L}\p{N}]/u;

/** Linear in its length: each part that may be closed further on is searched for once, and if it is not, the rest is its own. */
function completedRun(run: string): string {
  const openers: Opener[] = [];
  let at = 0;
  while (at < run.length) {
    const character = run.charAt(at);
    if (character === "\\" || character === "$") {
      const closer = { "\\(": "\\)", "\\[": "\\]", $$: "$$" }[run.slice(at, at + 2)];
      const end = closer === undefined ? at : run.indexOf(closer, at + 2);
      if (end < 0) return closedBy(openers, run.slice(0, at)) + asCode(run.slice(at));
      at = closer === undefined ? at + (character === "$" ? 1 : 2) : end + 2;
    } else if (character === "`") {
      const ticks = /^`+/.exec(run.slice(at))?.[0] ?? "`";
      const end = endOfCode(run, at + ticks.length, ticks);
      if (end === undefined) return closedBy(openers, openCode(run, at, ticks));
      at = end;
    } else if (character === "]" && run[at + 1] === "(") {
      const end = run.indexOf(")", at);
      const from = run.lastIndexOf("[", at);
      if (end < 0 && from >= 0) {
        const start = run[from - 1] === "!" ? from - 1 : from;
        return closedBy(openers, run.slice(0, start) + run.slice(from + 1, at));
      }
      at = end < 0 ? at + 1 : end + 1;
    } else if (character === "*" || character === "_" || character === "~") {
      const mark = new RegExp(`^\\${character}+`).exec(run.slice(at, at + 8))?.[0] ?? character;
      if (at + mark.length === run.length) return atEnd(openers, run.slice(0, at), mark);
      take(openers, run, at, mark);
      at += mark.length;
    } else at += 1;
  }
  return closedBy(openers, run);
}

/** A run of marks inside the text opens or closes. */
function take(openers: Opener[], run: string, at: number, mark: string): void {
  const before = run[at - 1] ?? " ";
  const after = run[at + mark.length] ?? " ";
  if (mark[0] === "_" && word.test(before) && word.test(after)) return;
  if (mark[0] === "~" && mark.length !== 2) return;
  const last = openers.at(-1);
  if (!/\s/.test(before) && last !== undefined && last.mark === mark) openers.pop();
  else if (!/\s/.test(after) && mark.length <= 3) openers.push({ mark, at });
}

/** Marks at the very end: they close what is open, or wait for what they open. */
function atEnd(openers: Opener[], before: string, mark: string): string {
  const last = openers.at(-1);
  if (last !== undefined && last.mark === mark && !/\s$/.test(before)) {
    openers.pop();
    return closedBy(openers, before + mark);
  }
  return closedBy(openers, before);
}

function closedBy(openers: readonly Opener[], run: string): string {
  let text = run.trimEnd();
  for (const { mark, at } of openers.toReversed()) {
    if (at + mark.length >= text.length) text = text.slice(0, at).trimEnd();
    else text += mark;
  }
  return text.length < run.trimEnd().length || openers.length > 0 ? text : run;
}

function endOfCode(run: string, from: number, ticks: string): number | undefined {
  for (let at = run.indexOf(ticks, from); at >= 0; ) {
    let end = at + ticks.length;
    if (run[end] !== "`") return end;
    while (run[end] === "`") end += 1;
    at = run.indexOf(ticks, end);
  }
  return undefined;
}

function openCode(run: string, at: number, ticks: string): string {
  const code = run.slice(at + ticks.length).replace(/`+$/, "");
  return code.trim() === "" ? run.slice(0, at) : run.slice(0, at) + ticks + code + ticks;
}

/** A formula that has not ended is shown as its source. */
function asCode(text: string): string {
  return text.includes("`") || text.length < 4 ? "" : `\`${text}\``;
}
