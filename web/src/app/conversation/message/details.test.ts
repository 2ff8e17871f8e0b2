import { expect, test } from "vitest";
import { message } from "../../../testing/messages.ts";
import { detailsOf } from "./details.ts";

test("what is known is told, counted tokens as counted", () => {
  const usage = { input_tokens: 1_200, output_tokens: 310, total_tokens: 1_510, estimated: true };
  const rows = new Map(
    detailsOf(message("assistant", "Hi", { usage, attempt: 2, position: "2-7" }), "openai"),
  );
  expect(rows.get("Tokens in")).toBe("about 1,200");
  expect(rows.get("Provider")).toBe("openai");
  expect(rows.get("Attempts")).toBe("2");
  expect(rows.get("Ended")).toBe("The model had finished");
  expect(rows.get("Position")).toBe("2-7");
});

test("what is not known is left out", () => {
  const bare = message("assistant", "", {
    usage: null,
    ttftMs: null,
    latencyMs: null,
    finishReason: null,
    position: "",
  });
  expect(detailsOf(bare, null).map(([name]) => name)).toEqual(["Model", "Written"]);
});
