import { expect, it } from "vitest";
import { completed } from "./completed.ts";

it("ends for a text that begins with a line end", () => {
  expect(completed("\nWhat is a *log")).toBe("\nWhat is a *log*");
});
