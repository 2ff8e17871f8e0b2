import { expect, test } from "vitest";
import { contentBytesMax, isSendable, lengthNote } from "./size_limit.ts";

test("nothing is said of what is far from the limit", () => {
  expect(lengthNote("")).toBeNull();
  expect(lengthNote("a".repeat(200_000))).toBeNull();
});

test("bytes count, not characters", () => {
  expect(lengthNote("a".repeat(contentBytesMax))?.tooLong).toBe(false);
  expect(lengthNote("a".repeat(contentBytesMax + 1))?.tooLong).toBe(true);
  expect(lengthNote("語".repeat(contentBytesMax / 3 + 1))?.tooLong).toBe(true);
  expect(lengthNote("\u{1F9F5}".repeat(contentBytesMax / 4 + 1))?.tooLong).toBe(true);
});

test("says how much room is left, and how much is too much", () => {
  expect(lengthNote("a".repeat(contentBytesMax - 2048))?.text).toBe("Room for 2 KiB more.");
  expect(lengthNote("a".repeat(contentBytesMax + 1500))?.text).toBe(
    "2 KiB too long: a message may have 256 KiB.",
  );
});

test("blank and too long texts cannot be sent", () => {
  expect(isSendable(" \n")).toBe(false);
  expect(isSendable("a")).toBe(true);
  expect(isSendable("a".repeat(contentBytesMax + 1))).toBe(false);
});
