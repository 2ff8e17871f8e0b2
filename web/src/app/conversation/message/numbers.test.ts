import { expect, test } from "vitest";
import { countText, durationText, secondsLeft, secondsText, wordsOf } from "./numbers.ts";

test("durations", () => {
  expect(durationText(-3)).toBe("0 ms");
  expect(durationText(412.4)).toBe("412 ms");
  expect(durationText(6_230)).toBe("6.2 s");
  expect(durationText(9_960)).toBe("10 s");
  expect(durationText(80_000)).toBe("1 min 20 s");
  expect(durationText(120_000)).toBe("2 min");
  expect(secondsText(200)).toBe("1 s");
});

test("counts", () => {
  expect(countText(1, "word")).toBe("1 word");
  expect(countText(1_200, "word")).toBe("1,200 words");
  expect(countText(2, "KiB", "KiB")).toBe("2 KiB");
});

test("words of languages with and without spaces", () => {
  expect(wordsOf("One, two: three.")).toBe(3);
  expect(wordsOf("")).toBe(0);
  expect(wordsOf("今日は良い天気です")).toBeGreaterThan(1);
});

test("a countdown ends at 0 and shows a begun second as one", () => {
  expect(secondsLeft(5_000, 1_000)).toBe(4);
  expect(secondsLeft(5_000, 4_999)).toBe(1);
  expect(secondsLeft(5_000, 9_000)).toBe(0);
});
