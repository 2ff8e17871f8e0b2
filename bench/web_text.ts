/** About so many characters of what answers are made of: headings, prose, lists, code and tables. */
export function answerOf(size: number): string {
  let text = "";
  for (let part = 1; text.length < size; part += 1) {
    const prose =
      "Ordinary prose with *emphasis*, `code` and a [link](https://example.org/a) that goes on for a while. ".repeat(
        6,
      );
    const list = Array.from({ length: 8 }, (_, n) => `- item **${n}** with some words and \`code\`\n`).join(
      "",
    );
    const code = Array.from(
      { length: 12 },
      (_, n) => `def f${n}(x):\n    return x + ${n}  # a comment\n`,
    ).join("");
    const table = `| a | b | c |\n|---|---|---|\n${Array.from({ length: 6 }, (_, n) => `| cell ${n} | **bold** | more text |\n`).join("")}`;
    text += `## Part ${part}\n\n${prose}\n\n${list}\n\`\`\`python\n${code}\`\`\`\n\n${table}\n`;
  }
  return text.slice(0, size);
}
