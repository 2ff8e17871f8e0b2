import { expect, test } from "vitest";
import { type Follow, following, grew, pulledUp, scrolled } from "./follow.ts";

const reading: Follow = { kind: "reading", newBelow: false };

test("what the layout moves down, or a clamp at the end, does not end the following", () => {
  expect(scrolled(following, { below: 300, by: 40 })).toBe(following);
  expect(scrolled(following, { below: 0, by: -80 })).toBe(following);
});

test("one step up ends it, even within the tolerance", () => {
  expect(scrolled(following, { below: 10, by: -10 })).toEqual(reading);
});

test("a pull up ends it before anything has moved, where there is an up", () => {
  expect(pulledUp(following, true)).toEqual(reading);
  expect(pulledUp(following, false)).toBe(following);
});

test("only a way down to the end begins it again", () => {
  expect(scrolled(reading, { below: 100, by: 50 })).toBe(reading);
  expect(scrolled(reading, { below: 10, by: -5 })).toBe(reading);
  expect(scrolled(reading, { below: 10, by: 5 })).toBe(following);
});

test("growth is told to who reads elsewhere, once, and forgotten at the end", () => {
  expect(grew(following)).toBe(following);
  const told = grew(reading);
  expect(told).toEqual({ kind: "reading", newBelow: true });
  expect(grew(told)).toBe(told);
  expect(scrolled(told, { below: 0, by: 5 })).toBe(following);
});
