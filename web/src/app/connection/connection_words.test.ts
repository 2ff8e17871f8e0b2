import { expect, it } from "vitest";
import { bannerWords } from "./connection_words.ts";

const waiting = (tries: number) =>
  ({ state: { kind: "waiting", retryAt: 0, cause: "no reply", tries } }) as const;

it("stays silent while all is well, and about a first failure", () => {
  expect(bannerWords({ state: { kind: "connected", since: 0 } }, 0)).toBeNull();
  expect(bannerWords({ state: { kind: "connecting" } }, 3)).toBeNull();
  expect(bannerWords(waiting(1), 0)).toBeNull();
});

it("says what is safe", () => {
  expect(bannerWords({ state: { kind: "offline" } }, 0)?.text).toContain("What you write is kept");
  expect(bannerWords({ state: { kind: "offline" } }, 1)?.text).toContain("Your message is kept");
  expect(bannerWords(waiting(2), 4)?.text).toContain("Your 4 messages are kept");
});

it("offers a try only where one can help", () => {
  expect(bannerWords({ state: { kind: "offline" } }, 0)?.canRetry).toBe(false);
  expect(bannerWords(waiting(2), 0)?.canRetry).toBe(true);
});
