import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type Block, Blocks } from "./blocks.ts";
import { nothingShared, parse, type Token } from "./parse.ts";

// Much is drawn here; a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000 });

function split(text: string): Block[] {
  const blocks = new Blocks();
  const open = blocks.update(text);
  return [...blocks.closed, ...open];
}

const sources = (text: string) => split(text).map((block) => block.source);
const kinds = (text: string) => split(text).map((block) => block.kind);

describe("Blocks", () => {
  it("cuts at blank lines, fences and headings", () => {
    expect(sources("one\ntwo\n\nthree\n# four\nfive\n```\nsix\n\nseven\n```\neight")).toEqual([
      "one\ntwo\n\n",
      "three\n",
      "# four\n",
      "five\n",
      "```\nsix\n\nseven\n```\n",
      "eight",
    ]);
  });

  it("keeps a list together across blank lines, its code included", () => {
    const list = "- one\n\n  ```\n  a\n\n  b\n  ```\n\n- two\n\n  more\n";
    expect(sources(`${list}\nend`)).toEqual([`${list}\n`, "end"]);
  });

  it("cuts a long list before its next item", () => {
    const item = `- ${"word ".repeat(100)}\n`;
    const cut = split(item.repeat(30));
    expect(cut.length).toBeGreaterThan(2);
    expect(cut.every((block) => block.source.startsWith("- word"))).toBe(true);
  });

  it("gives code its text, its language and whether it has ended", () => {
    expect(split("```py title\na\n\n b\n")).toMatchObject([
      { kind: "code", info: "py title", text: "a\n\n b\n", closed: false },
    ]);
    expect(split("  ~~~\n  a\n b\n  ~~~")).toMatchObject([{ kind: "code", text: "a\nb\n", closed: true }]);
    expect(split("````\n```\n````\nx")).toMatchObject([
      { kind: "code", text: "```\n", closed: true },
      { source: "x" },
    ]);
    expect(split("```")).toMatchObject([{ kind: "code", text: "", closed: false }]);
  });

  it("knows tables, display mathematics and footnotes", () => {
    expect(kinds("| a | b |\n|---|---|\n| 1 | 2 |\n\ntext")).toEqual(["table", "markdown"]);
    expect(split("$$\nx\n\ny\n$$\n")).toMatchObject([{ kind: "math", text: "x\n\ny\n", closed: true }]);
    expect(split("\\[\nx\n\\]\n")).toMatchObject([{ kind: "math", text: "x\n", closed: true }]);
    expect(split("[^a]: one\n    two\n[^b]: three")).toMatchObject([
      { kind: "note", label: "a", text: "one\ntwo" },
      { kind: "note", label: "b", text: "three" },
    ]);
  });

  it("counts headings down from the message's without leaving a level out", () => {
    const levels = split("### a\n\n# b\n\n#### c\n\n## d\n\n# e").map((block) => block.level);
    expect(levels).toEqual([3, 3, 4, 4, 3]);
  });

  it("bounds a block, and a line without end", () => {
    for (const text of [
      "a\n".repeat(20_000),
      "a".repeat(50_000),
      "> - ".repeat(20_000),
      `${"😀".repeat(30_000)}`,
    ]) {
      const all = split(text);
      expect(Math.max(...all.map((block) => block.source.length))).toBeLessThanOrEqual(16_100);
      expect(all.map((block) => block.source).join("")).toBe(text);
      expect(all.every((block) => block.source.isWellFormed())).toBe(true);
    }
  });

  it("knows where a paragraph goes on behind a limit, and where one does not", () => {
    const flags = (blocks: readonly Block[]) =>
      blocks.map((block) => block.kind === "markdown" && block.goesOn === true);
    const goesOn = (text: string) => flags(split(text));
    const long = "word ".repeat(4_000);
    const lines = "a line of it\n".repeat(2_000);
    expect(goesOn(long)).toEqual([false, true]);
    expect(flags(inPieces(`${long}\n\nnext`, [long.length]))).toEqual([false, true, false]);
    expect(goesOn(`${lines}\nnext`)).toEqual([false, true, false]);
    expect(goesOn(`${lines}# head\nnext`)).toEqual([false, true, false, false]);
    expect(goesOn(`${lines}a | b\n--|--\n\nnext`)).toEqual([false, true, false, false]);
    expect(goesOn(`- ${long}`)).toEqual([false, false]);
    expect(goesOn("a\n\nb\n# c\nd")).toEqual([false, false, false, false]);
  });

  it("starts again when the text is another one", () => {
    const blocks = new Blocks();
    blocks.update("one\n\ntwo\n\nthree");
    blocks.update("ONE\n\ntwo\n");
    expect(blocks.closed.map((block) => block.source)).toEqual(["ONE\n\n"]);
  });
});

const line = fc.constantFrom(
  "",
  "",
  "text",
  "more *text*",
  "# heading",
  "### x",
  "- item",
  "  - nested",
  "  continued",
  "    deep",
  "1. one",
  "2) two",
  "10. ten",
  "> quote",
  "> - in quote",
  ">",
  "```",
  "```js",
  "~~~",
  "   ```",
  "  ```",
  "    code",
  "\tcode",
  "---",
  "===",
  "***",
  "* * *",
  "| a | b |\n|---|---|",
  "| 1 | 2 |",
  "a | b",
  "-",
  "  ~~~",
  "1.",
  "   three",
  "     five",
  "-   wide",
  "#",
  "\\",
);
const text = fc.array(line, { maxLength: 14 }).map((lines) => lines.join("\n"));
const wild = fc.oneof(
  text,
  fc.string({ unit: fc.constantFrom(..."`~#>-*|$[]^:\\ \n\n1.a\t\r"), maxLength: 60 }),
);

function inPieces(whole: string, cuts: readonly number[]): Block[] {
  const blocks = new Blocks();
  for (const cut of cuts.map((one) => one % (whole.length + 1)).toSorted((a, b) => a - b)) {
    blocks.update(whole.slice(0, cut));
  }
  const open = blocks.update(whole);
  return [...blocks.closed, ...open];
}

describe("Blocks, for any text", () => {
  it("loses nothing, and pieces end in the same blocks as the whole", () => {
    fc.assert(
      fc.property(wild, fc.array(fc.nat(), { maxLength: 12 }), (whole, cuts) => {
        const blocks = split(whole);
        const joined = blocks.map((block) => block.source).join("");
        expect([whole.startsWith(joined), whole.slice(joined.length).trim()]).toEqual([true, ""]);
        expect(inPieces(whole, cuts)).toEqual(blocks);
      }),
      { numRuns: 3_000 },
    );
  });

  it("parses in blocks to what the whole parses to", () => {
    fc.assert(
      fc.property(text, (whole) => {
        const byBlock = split(whole).flatMap((block) => parse(block.source, nothingShared) ?? []);
        expect(shape(byBlock)).toEqual(shape(parse(whole, nothingShared) ?? []));
      }),
      { numRuns: 3_000 },
    );
  });
});

function shape(tokens: readonly Token[]): unknown[] {
  return tokens.map(({ type, tag, level, content, info, hidden }) =>
    [type, tag, level, content, info, hidden].join("|"),
  );
}
