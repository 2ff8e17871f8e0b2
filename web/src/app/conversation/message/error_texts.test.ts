import { expect, test } from "vitest";
import { refusalOf, restartText, troubleOf } from "./error_texts.ts";

const failed = (code: string, message = "") => ({ code, message, retryable: true });

/** Of docs/protocol.md, section 9: what an answer can end with. */
const answerCodes = [
  "provider_unreachable",
  "provider_unavailable",
  "provider_rate_limited",
  "provider_refused",
  "provider_unauthorized",
  "provider_timeout",
  "provider_truncated",
  "provider_bad_response",
  "provider_error",
  "provider_missing",
  "worker_lost",
];

test("each code that an answer can end with has words of its own", () => {
  const words = answerCodes.map((code) => troubleOf(failed(code, "RAW"), true).what);
  expect(words.every((what) => what.endsWith(".") && !what.includes("RAW"))).toBe(true);
  expect(new Set(words).size).toBe(answerCodes.length);
});

test("an unknown code is told in the engine's words, and none in ours", () => {
  expect(troubleOf(failed("brand_new", "The moon was full"), true).what).toBe("The moon was full.");
  expect(troubleOf(failed("brand_new"), true).what).toBe("The answer ended in an error.");
  expect(troubleOf(null, false).what).toBe("The answer ended in an error.");
});

test("says what is safe: the text, or at least the question", () => {
  expect(troubleOf(failed("provider_truncated"), true).safe).toBe("The text so far is kept.");
  expect(troubleOf(failed("provider_truncated"), false).safe).toBe("Your question is kept.");
});

test("the one button asks again, or for another model where the same cannot help", () => {
  expect(troubleOf(failed("provider_timeout"), true).action).toBe("again");
  expect(troubleOf(failed("provider_missing"), true).action).toBe("other_model");
});

test("a refusal is told in plain words, else in those of the engine", () => {
  const problem = { status: 422, title: "Unprocessable", request_id: null, retry_after_ms: null };
  expect(refusalOf({ ...problem, code: "network", detail: "" })).toBe("The server could not be reached.");
  expect(refusalOf({ ...problem, code: "unprocessable", detail: "Nobody serves x" })).toBe(
    "Nobody serves x.",
  );
  expect(refusalOf({ ...problem, code: "unprocessable", detail: "" })).toBe("Unprocessable.");
  expect(refusalOf(null)).toBe("It could not be sent.");
});

test("a restart says why, and that nothing is missing", () => {
  expect(restartText("worker_lost")).toBe(
    "Began again: the worker was lost. Nothing of the new text is missing.",
  );
  for (const reason of ["provider_failed", "position_unknown", "something new", null])
    expect(restartText(reason)).toMatch(/Nothing .*is missing\.$/);
});
