import { expect, it } from "vitest";
import { answerFor, isOfPage } from "./answer_for.ts";

const files = new Set(["/", "/icons/icon.svg", "/assets/index-1a.js"]);

it("gives the page to its own routes only", () => {
  for (const path of ["/", "/settings", "/c/0199a1c0-7c1e"]) expect(answerFor(path, true, files)).toBe("/");
  for (const path of [
    "/docs",
    "/sign-in",
    "/sign-out",
    "/conversations",
    "/events",
    "/api/v1/me",
    "/c/a/b",
    "/x",
  ])
    expect(answerFor(path, true, files)).toBeUndefined();
});

it("answers nothing of the API, whatever it is called", () => {
  for (const path of ["/events", "/conversations", "/c/x", "/settings", "/", "/stream/x", "/me"])
    expect(answerFor(path, false, files)).toBeUndefined();
});

it("answers its files, and those of the version before", () => {
  expect(answerFor("/icons/icon.svg", false, files)).toBe("/icons/icon.svg");
  expect(answerFor("/assets/index-0f.js", false, files)).toBe("/assets/index-0f.js");
});

it("tells the page's own tabs from those of the engine", () => {
  for (const path of ["/", "/c/0199a1c0", "/settings"]) expect(isOfPage(path)).toBe(true);
  for (const path of ["/docs", "/sign-in", "/c/a/b"]) expect(isOfPage(path)).toBe(false);
});
