import { expect, test } from "vitest";
import { enoughFrom } from "./use_drawn.ts";

const lengths: Readonly<Record<string, number>> = { a: 10, b: 5_000, c: 10, d: 1_000, e: 10, f: 3_000 };
const lengthOf = (key: string) => lengths[key] ?? 0;

test("as many messages at the end as fill the window", () => {
  const thread = ["a", "b", "c", "d", "e", "f"];
  expect(enoughFrom(thread, 500, lengthOf)).toBe(5);
  expect(enoughFrom(thread, 900, lengthOf)).toBe(3);
  expect(enoughFrom(thread, 1_600, lengthOf)).toBe(1);
});

test("all of a thread that fills no window", () => {
  expect(enoughFrom(["a", "c", "e"], 800, lengthOf)).toBe(0);
  expect(enoughFrom([], 800, lengthOf)).toBe(0);
});
