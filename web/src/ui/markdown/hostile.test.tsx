import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanup, render } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import Answer from "./answer.tsx";

// Much is drawn here; a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000 });

afterEach(cleanup);

const folder = join(import.meta.dirname, "hostile");
const corpus = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")] as const);

/** Built, not kept: what costs a careless parser or renderer its time, its memory or its stack. */
const bombs: readonly (readonly [string, string])[] = [
  ["quotes in quotes", `${">".repeat(20_000)} deep`],
  ["lists in lists", Array.from({ length: 400 }, (_, depth) => `${"  ".repeat(depth)}- x`).join("\n")],
  ["lists on one line", `${"- ".repeat(5_000)}x`],
  ["emphasis in emphasis", `${"*".repeat(8_000)}x${"*".repeat(8_000)}`],
  ["emphasis that does not end", "*a **b _c ".repeat(3_000)],
  ["brackets", "[".repeat(50_000)],
  ["links in links", `${"[".repeat(2_000)}x${"](y)".repeat(2_000)}`],
  ["code of every length", Array.from({ length: 300 }, (_, length) => "`".repeat(length + 1)).join(" ")],
  ["one word", "w".repeat(200_000)],
  [
    "a wide table",
    `${"|a".repeat(1_000)}|\n${"|-".repeat(1_000)}|\n${`${"|b".repeat(1_000)}|\n`.repeat(30)}`,
  ],
  ["formulas", "$x$ ".repeat(1_000)],
  ["a formula in formulas", `$$${"\\frac{1}{".repeat(900)}x${"}".repeat(900)}$$`],
];

const forbidden =
  "script,iframe,frame,object,embed,form,style,link,meta,base,video,audio,source,img,image,svg:not(.katex svg),input,textarea,select";

function wrongIn(root: Element): string[] {
  const wrong = [...root.querySelectorAll(forbidden)].map((element) => element.outerHTML.slice(0, 100));
  for (const element of root.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (/^on|^src|^formaction$/i.test(name)) wrong.push(`${name}=${value}`);
      if (name === "href" && !/^(?:https?|mailto):/.test(value)) wrong.push(`href=${value}`);
    }
    if (element.tagName === "A" && element.getAttribute("rel") !== "noopener noreferrer") wrong.push("rel");
  }
  return wrong;
}

describe("hostile answers", () => {
  it.each(corpus)("%s stays text, written at once", (_, text) => {
    const { container } = render(<Answer text={text} streaming={false} />);
    expect(wrongIn(container)).toEqual([]);
  });

  it.each(corpus)("%s stays text at each of its moments", (_, text) => {
    const { container, rerender } = render(<Answer text="" streaming={true} />);
    for (let end = 0; end < text.length; end += 7) {
      rerender(<Answer text={text.slice(0, end)} streaming={true} />);
      expect(wrongIn(container)).toEqual([]);
    }
  });

  it.each(bombs)("%s: drawn within bounds, growing and at once", (_, text) => {
    const { container, rerender } = render(<Answer text={text.slice(0, text.length / 2)} streaming={true} />);
    rerender(<Answer text={text.slice(0, text.length - 1)} streaming={true} />);
    rerender(<Answer text={text} streaming={false} />);
    expect(container.querySelectorAll("*").length).toBeLessThan(20_000);
    let deepest = 0;
    for (const element of container.querySelectorAll("*")) {
      let depth = 0;
      for (let at: Element | null = element; at !== null; at = at.parentElement) depth += 1;
      deepest = Math.max(deepest, depth);
    }
    expect(deepest).toBeLessThan(80);
  });

  it("says where a link goes, unless its text is the address", () => {
    const text = "[bank.test](https://evil.test/) https://good.test/ [x](javascript:1)";
    const { container } = render(<Answer text={text} streaming={false} />);
    expect(container.textContent).toBe("bank.test(evil.test) https://good.test/ x (javascript:1)");
    expect(container.querySelectorAll("a").length).toBe(2);
  });

  it("names the characters that turn text round, in links and code", () => {
    const { container } = render(<Answer text={"`a\u202eb` [c\u2066d](https://x.test)"} streaming={false} />);
    expect(container.textContent).toBe("aU+202Eb cU+2066d(x.test)");
  });

  it("never loads an image", () => {
    const { container } = render(<Answer text="![a cat](https://x.test/cat.png)" streaming={false} />);
    expect(container.innerHTML).not.toContain("<img");
    expect(container.textContent).toBe("Image: a cat(x.test)");
  });
});
