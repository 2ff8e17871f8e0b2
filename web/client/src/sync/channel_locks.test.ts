import { beforeEach, expect, test } from "vitest";
import { answer_ms, ask_again_ms, channelLocks } from "./channel_locks.ts";
import { ManualClock, settle } from "./testing/manual_clock.ts";
import { MemoryBrowser, type MemoryTab } from "./testing/memory_browser.ts";

let clock: ManualClock;
let browser: MemoryBrowser;
let holders: Set<string>;

beforeEach(() => {
  clock = new ManualClock();
  browser = new MemoryBrowser();
  holders = new Set();
});

function want(name: string, how: "wait" | "steal" = "wait"): { tab: MemoryTab; release: () => void } {
  const tab = browser.tab();
  const release = channelLocks(tab.channels, { ...clockOf(tab) }).hold("one", how, {
    gained: () => void holders.add(name),
    lost: () => void holders.delete(name),
  });
  return { tab, release };
}

function clockOf(tab: MemoryTab) {
  return {
    now: () => clock.now(),
    random: () => clock.random(),
    after: (milliseconds: number, run: () => void) => clock.after(milliseconds, tab.guard(run)),
  };
}

async function pass(milliseconds: number): Promise<void> {
  await clock.advance(milliseconds);
  await settle();
}

test("one holds it, whoever else wants it; when it is given up another has it at once", async () => {
  const first = want("first");
  await pass(2 * answer_ms);
  want("second");
  want("third");
  await pass(5 * ask_again_ms);
  expect([...holders]).toEqual(["first"]);
  holders.delete("first");
  first.release();
  await pass(2 * answer_ms);
  await pass(ask_again_ms);
  expect(holders.size).toBe(1);
});

test("a tab that is closed without a word is missed", async () => {
  const first = want("first");
  await pass(2 * answer_ms);
  want("second");
  await pass(ask_again_ms);
  first.tab.close();
  holders.delete("first");
  await pass(2 * ask_again_ms);
  expect([...holders]).toEqual(["second"]);
});

test("all that want it at once agree on one", async () => {
  for (const name of ["a", "b", "c", "d"]) want(name);
  await pass(3 * ask_again_ms);
  expect(holders.size).toBe(1);
});

test("it can be taken away, and who sleeps over that finds out", async () => {
  const first = want("first");
  await pass(2 * answer_ms);
  first.tab.freeze();
  want("second", "steal");
  await pass(ask_again_ms);
  expect([...holders].sort()).toEqual(["first", "second"]);
  first.tab.thaw();
  await pass(2 * ask_again_ms);
  expect(holders.size).toBe(1);
});
