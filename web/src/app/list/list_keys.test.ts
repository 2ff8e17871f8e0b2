import { expect, it } from "vitest";
import { indexAfterRemoval, listMove } from "./list_keys.ts";

it("moves by one and stays inside", () => {
  expect(listMove("ArrowDown", -1, 3)).toEqual({ kind: "focus", index: 0 });
  expect(listMove("ArrowDown", 2, 3)).toEqual({ kind: "focus", index: 2 });
  expect(listMove("ArrowUp", 0, 3)).toEqual({ kind: "focus", index: 0 });
  expect(listMove("Home", 2, 3)).toEqual({ kind: "focus", index: 0 });
  expect(listMove("End", 0, 3)).toEqual({ kind: "focus", index: 2 });
});

it("renames and removes only what is there", () => {
  expect(listMove("F2", 1, 3)).toEqual({ kind: "rename", index: 1 });
  expect(listMove("Delete", 1, 3)).toEqual({ kind: "remove", index: 1 });
  expect(listMove("Delete", -1, 3)).toBeUndefined();
  expect(listMove("Delete", 0, 0)).toBeUndefined();
  expect(listMove("x", 1, 3)).toBeUndefined();
});

it("goes on to the next one after a removal", () => {
  expect(indexAfterRemoval(1, 3)).toBe(1);
  expect(indexAfterRemoval(2, 3)).toBe(1);
  expect(indexAfterRemoval(0, 1)).toBe(-1);
});
