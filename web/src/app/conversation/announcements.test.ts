import { expect, test } from "vitest";
import { announcementOf, type Heard } from "./announcements.ts";

const queued: Heard = { key: "a", live: true, status: "queued" };
const generating: Heard = { key: "a", live: true, status: "generating" };
const ended = (status: Heard["status"]): Heard => ({ key: "a", live: false, status });
const say = (before: Heard | undefined, now: Heard) => announcementOf(before, now, () => "three short words");

test("an answer is said to start once, however much text follows", () => {
  expect(say(undefined, queued)).toBeNull();
  expect(say(queued, generating)).toBe("Answer started");
  expect(say(generating, generating)).toBeNull();
});

test("its end is said with what it was", () => {
  expect(say(generating, ended("completed"))).toBe("Answer finished, 3 words");
  expect(say(generating, ended("cancelled"))).toBe("Stopped");
  expect(say(queued, ended("error"))).toBe("Answer failed");
});

test("answers that had ended before are not said", () => {
  expect(say(undefined, ended("completed"))).toBeNull();
  expect(say(ended("completed"), ended("completed"))).toBeNull();
});
