import { expect, test } from "vitest";
import { reserveFor } from "./use_reserve.ts";

test("the question stands at the top of the window and the answer has the rest", () => {
  expect(reserveFor(600, 80, 24)).toBe(600 - 80 - 24 - 12);
});

test("under a question that fills the window there is room all the same", () => {
  expect(reserveFor(600, 900, 24)).toBe(240);
});
