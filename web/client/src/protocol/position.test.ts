import { expect, test } from "vitest";
import { comparePositions, formatPosition, nowhere, parsePosition } from "./position.ts";

test("positions are read and written", () => {
  for (const text of ["", "0-0", "1-42", "12-0"]) expect(formatPosition(parsePosition(text))).toBe(text);
  expect(parsePosition("1-42")).toEqual({ attempt: 1, index: 42 });
});

test.each(["1", "1-", "-1-2", "1-2-3", "a-b", " 1-2", "1-99999999999"])("'%s' is no position", (text) => {
  expect(() => parsePosition(text)).toThrow("is not a position");
});

test("positions are ordered by attempt, then by index; nothing comes first", () => {
  const ordered = [
    null,
    nowhere,
    { attempt: 1, index: 0 },
    { attempt: 1, index: 10 },
    { attempt: 2, index: 0 },
  ];
  const shuffled = [...ordered].reverse().sort(comparePositions);
  expect(shuffled).toEqual(ordered);
  expect(comparePositions(null, null)).toBe(0);
});
