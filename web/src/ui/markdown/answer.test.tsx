import { cleanup, render } from "@testing-library/react";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import Answer from "./answer.tsx";

// Much is drawn here; a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000 });

afterEach(cleanup);

function html(text: string, streaming = false): string {
  const { container, unmount } = render(<Answer text={text} streaming={streaming} />);
  const innerHTML = [...container.querySelectorAll(".md-page")].map((page) => page.innerHTML).join("");
  unmount();
  return innerHTML.replaceAll(/ (?:class|dir|tabindex|role|aria-\w+|id)="[^"]*"/g, "").trim();
}

describe("Answer", () => {
  it.each([
    ["one\ntwo", "<p>one\ntwo</p>"],
    ["one  \ntwo\\\nthree", "<p>one<br>two<br>three</p>"],
    ["*a* **b** ~~c~~ `d` \\*e\\*", "<p><em>a</em> <strong>b</strong> <del>c</del> <code>d</code> *e*</p>"],
    ["# a\n\n## b", "<h3>a</h3><h4>b</h4>"],
    ["- a\n- b", "<ul><li><span>a</span></li><li><span>b</span></li></ul>"],
    ["- a\n\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>"],
    ["3. a\n4. b", '<ol start="3"><li><span>a</span></li><li><span>b</span></li></ol>'],
    ["> a\nb", "<blockquote><p>a\nb</p></blockquote>"],
    ["a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"],
    ["a<br>b <i>c</i>", "<p>a<br>b &lt;i&gt;c&lt;/i&gt;</p>"],
    ["&amp; &copy;", "<p>&amp; ©</p>"],
    ["from $5 to $10", "<p>from $5 to $10</p>"],
  ])("%j", (text, expected) => {
    expect(html(text)).toBe(expected);
  });

  it("gives a table's head cells their scope and its columns their side", () => {
    const { container } = render(
      <Answer text={"| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |"} streaming={false} />,
    );
    expect([...container.querySelectorAll("th")].map((cell) => cell.scope)).toEqual(["col", "col"]);
    expect([...container.querySelectorAll("td")].map((cell) => cell.textContent)).toEqual([
      "1",
      "2",
      "3",
      "4",
    ]);
    expect(container.querySelectorAll("td.md-right").length).toBe(2);
  });

  it("makes nothing anew of what was drawn while an answer grows over its pages", () => {
    const paragraphs = Array.from({ length: 40 }, (_, n) => `Paragraph ${n}.\n\n`);
    const { container, rerender } = render(<Answer text="" streaming={true} />);
    const made = new Set<Element>();
    paragraphs.forEach((_, n) => {
      rerender(<Answer text={paragraphs.slice(0, n + 1).join("")} streaming={true} />);
      for (const one of container.querySelectorAll("p")) made.add(one);
    });
    expect(container.querySelectorAll(".md-page")).toHaveLength(3);
    expect(made.size).toBe(40);
  });

  it("marks tasks without a control", () => {
    const { container } = render(<Answer text={"- [x] a\n- [ ] b"} streaming={false} />);
    const marks = [...container.querySelectorAll("[role=img]")].map((mark) =>
      mark.getAttribute("aria-label"),
    );
    expect(marks).toEqual(["Done:", "To do:"]);
    expect(container.textContent).toBe(" a b");
  });

  it("finds a link's address and a footnote in a later block", () => {
    const { container, rerender } = render(<Answer text={"[a][b] and [^c]\n\n"} streaming={true} />);
    expect(container.querySelector("a, button")).toBeNull();
    rerender(<Answer text={"[a][b] and [^c]\n\n[b]: https://x.test\n\n[^c]: note"} streaming={false} />);
    expect(container.querySelector("a")?.href).toBe("https://x.test/");
    expect(container.querySelector("button")?.textContent).toBe("c");
  });

  it("shows code with its language and a button that copies it", () => {
    const { container, getByRole } = render(<Answer text={"```Py x\na < b\n```"} streaming={false} />);
    expect(container.querySelector("pre")?.textContent).toBe("a < b\n");
    expect(getByRole("group", { name: "Py" }).tabIndex).toBe(0);
    expect(getByRole("button", { name: "Copy code" })).toBeTruthy();
  });

  it("keeps all of a long code, in slices", () => {
    const code = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join("");
    const { container } = render(<Answer text={`\`\`\`\n${code}\`\`\``} streaming={false} />);
    expect(container.querySelector("pre")?.textContent).toBe(code);
    expect(container.querySelectorAll(".md-slice").length).toBeGreaterThan(100);
  });

  it("shows no gap where a long paragraph is cut, and one where it ends", () => {
    const { container } = render(<Answer text={`${"line\n".repeat(4_000)}\nnext`} streaming={false} />);
    const paragraphs = [...container.querySelectorAll("p")].map((each) => each.className);
    expect(paragraphs).toEqual(["", "md-goes-on", ""]);
  });

  it("does not draw a closed block again", () => {
    const { container, rerender } = render(<Answer text={"one\n\ntwo\n\n"} streaming={true} />);
    const first = container.querySelector("p");
    const inner = first?.firstChild;
    rerender(<Answer text={"one\n\ntwo\n\nthree *four"} streaming={true} />);
    expect(container.querySelector("p")).toBe(first);
    expect(container.querySelector("p")?.firstChild).toBe(inner);
  });

  it.each([
    ["a **b", "<p>a <strong>b</strong></p>"],
    ["a **b c*", "<p>a <strong>b c</strong></p>"],
    ["a **", "<p>a</p>"],
    ["a `b", "<p>a <code>b</code></p>"],
    ["a [b](https://x.te", "<p>a b</p>"],
    ["text\n--", "<p>text</p>"],
    ["- a\n-", "<ul><li><span>a</span></li></ul>"],
    ["2 * 3 and snake_case", "<p>2 * 3 and snake_case</p>"],
  ])("while it grows, %j is what it is going to be", (text, expected) => {
    expect(html(text, true)).toBe(expected);
  });

  it("shows half a table as a table", () => {
    for (const text of ["| a | b", "| a | b |\n|--", "| a | b |\n|---|---|\n| 1"]) {
      expect(html(text, true)).toContain('<th scope="col">a</th>');
    }
  });
});

const piece = fc.constantFrom(
  "text ",
  "**",
  "*",
  "`",
  "\n",
  "\n\n",
  "- item",
  "1. one",
  "> ",
  "# ",
  "```",
  "```js\n",
  "| a | b |\n|---|---|\n",
  "| 1 | 2 |\n",
  "[a]",
  "[a]: https://x.test\n",
  "[^n]",
  "[^n]: note",
  "](",
  "https://y.test ",
  "<br>",
  "  ",
  "    ",
  "\\",
  "😀",
  "א",
);

describe("Answer, for any text", () => {
  it("is the same whether it came in pieces or at once", () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 25 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (pieces, cuts) => {
          const text = pieces.join("");
          const { container, rerender, unmount } = render(<Answer text="" streaming={true} />);
          for (const cut of cuts.map((one) => one % (text.length + 1)).toSorted((a, b) => a - b)) {
            rerender(<Answer text={text.slice(0, cut)} streaming={true} />);
          }
          rerender(<Answer text={text} streaming={false} />);
          const grown = withoutIds(container.innerHTML);
          unmount();
          const whole = render(<Answer text={text} streaming={false} />);
          const atOnce = withoutIds(whole.container.innerHTML);
          whole.unmount();
          expect(grown).toBe(atOnce);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Ids differ from one rendering to the next. */
function withoutIds(markup: string): string {
  return markup.replaceAll(/ (?:id|aria-labelledby)="[^"]*"/g, "");
}
