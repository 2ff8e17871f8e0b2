import { expect, test } from "vitest";
import { type Thinking, thinkingAt } from "./thinking_time.ts";

const nothing = { live: true, hasReasoning: false, hasContent: false };
const thinks = { live: true, hasReasoning: true, hasContent: false };
const writes = { live: true, hasReasoning: true, hasContent: true };

test("from the first thought to the first word", () => {
  let thinking: Thinking | undefined = thinkingAt(undefined, nothing, 0);
  thinking = thinkingAt(thinking, nothing, 500);
  thinking = thinkingAt(thinking, thinks, 1_000);
  thinking = thinkingAt(thinking, thinks, 3_000);
  thinking = thinkingAt(thinking, writes, 5_000);
  expect(thinking).toEqual({ kind: "thought", forMs: 4_000 });
  expect(thinkingAt(thinking, { ...writes, live: false }, 9_000)).toBe(thinking);
});

test("an answer that ends while it thinks has thought until then", () => {
  const thinking = thinkingAt(
    thinkingAt({ kind: "before" }, thinks, 1_000),
    { ...thinks, live: false },
    2_500,
  );
  expect(thinking).toEqual({ kind: "thought", forMs: 1_500 });
});

test("who comes in the middle does not know", () => {
  expect(thinkingAt(undefined, thinks, 0)).toEqual({ kind: "unknown" });
  expect(thinkingAt(thinkingAt(undefined, thinks, 0), writes, 9)).toEqual({ kind: "unknown" });
});
