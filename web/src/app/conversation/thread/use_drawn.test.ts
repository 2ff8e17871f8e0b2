import { expect, test } from "vitest";
import { enoughFrom } from "./use_drawn.ts";

const lengths: Readonly<Record<string, number>> = { a: 10, b: 5_000, c: 10, d: 1_000, e: 10, f: 3_000 };
const textOf = (key: string) => "x".repeat(lengths[key] ?? 0);

test("as many messages at the end as fill the window", () => {
  const thread = ["a", "b", "c", "d", "e", "f"];
  expect(enoughFrom(thread, 900, textOf)).toBe(5);
  expect(enoughFrom(thread, 1_300, textOf)).toBe(3);
  expect(enoughFrom(thread, 2_000, textOf)).toBe(1);
});

test("all of a thread that fills no window", () => {
  expect(enoughFrom(["a", "c", "e"], 800, textOf)).toBe(0);
  expect(enoughFrom([], 800, textOf)).toBe(0);
});

test.each([
  ["paragraphs", "Short.\n\n".repeat(30)],
  ["a list", "- item\n".repeat(40)],
  ["a table", "| a | b |\n".repeat(40)],
])("%s: few letters, and high all the same", (_what, text) => {
  expect(enoughFrom(["a", "b"], 900, () => text)).toBe(1);
});

test("one long code fills no window", () => {
  const code = (key: string) => (key === "b" ? `\`\`\`\n${"x".repeat(9_000)}` : "Question");
  expect(enoughFrom(["a", "a", "a", "a", "a", "b"], 400, code)).toBe(2);
});
