import { expect, test } from "vitest";
import { placeOf, rememberPlace } from "./scroll_memory.ts";

test("remembers the last fifty conversations, newest use counting", () => {
  for (let number = 0; number < 50; number += 1)
    rememberPlace(`c${number}`, { place: { kind: "at", key: "m", offset: number }, sizes: null });
  rememberPlace("c0", { place: { kind: "end" }, sizes: null });
  rememberPlace("one more", { place: { kind: "end" }, sizes: null });
  expect(placeOf("c0")?.place).toEqual({ kind: "end" });
  expect(placeOf("c1")).toBeUndefined();
  expect(placeOf("c2")?.place).toEqual({ kind: "at", key: "m", offset: 2 });
});
