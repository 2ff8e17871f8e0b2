/** Tabs of one browser, one connection, and what happens when either breaks. */
import { beforeEach, expect, test } from "vitest";
import { LogEngine } from "./testing/log_engine.ts";
import { ManualClock, settle } from "./testing/manual_clock.ts";
import { MemoryBrowser } from "./testing/memory_browser.ts";
import { ReaderTab } from "./testing/reader_tab.ts";

let engine: LogEngine;
let clock: ManualClock;
let browser: MemoryBrowser;

beforeEach(() => {
  engine = new LogEngine();
  clock = new ManualClock();
  browser = new MemoryBrowser();
});

const open = () => new ReaderTab(engine, browser, clock);
const roles = (...tabs: ReaderTab[]) => tabs.map((tab) => tab.status?.role);

async function deliver(): Promise<void> {
  await settle();
  for (const connection of [...engine.connections]) connection.deliver(1_000_000);
  await settle();
}

async function write(text: string): Promise<void> {
  engine.append(text);
  await deliver();
}

test("two tabs have one connection and the same text", async () => {
  const [first, second] = [open(), open()];
  await write("Hello");
  expect(engine.connections.size).toBe(1);
  expect(roles(first, second)).toEqual(["leader", "follower"]);
  expect([first.state.content, second.state.content]).toEqual(["Hello", "Hello"]);
  expect(second.status?.state.kind).toBe("connected");
});

test("a tab that joins is told the status at once", async () => {
  open();
  await deliver();
  const late = open();
  await settle();
  expect(late.status).toMatchObject({ role: "follower", state: { kind: "connected" } });
});

test("when the leader closes, the next one goes on where it is at once", async () => {
  const [first, second] = [open(), open()];
  await write("Hel");
  first.tab.close();
  for (const connection of engine.connections) connection.kill("error");
  await settle();
  expect(engine.connections.size).toBe(1);
  await write("lo");
  expect(second.status).toMatchObject({ role: "leader", state: { kind: "connected" } });
  expect(second.state).toMatchObject({ content: "Hello", voids: 0 });
});

test("a leader that leaves the page lets the next one lead, and comes back as a follower", async () => {
  const [first, second] = [open(), open()];
  await write("Hel");
  first.page("leaving");
  await settle();
  expect(second.statuses.map(({ state }) => state.kind)).not.toContain("stopped");
  await write("lo");
  expect(roles(second)).toEqual(["leader"]);
  // A page says it more than once: thawed, then looked at. Whoever listens hears of a new beginning.
  const told = first.statuses.length;
  first.page("shown");
  await settle();
  expect(first.statuses.slice(told).map(({ state }) => state.kind)).toEqual(["connecting", "connected"]);
  first.page("shown");
  await settle();
  expect(engine.connections.size).toBe(1);
  await write("!");
  expect(roles(first, second)).toEqual(["follower", "leader"]);
  await settle();
  expect([first.state.content, second.state.content]).toEqual(["Hello!", "Hello!"]);
});

test("a frozen leader loses the lock to a visible tab, and steps down when it wakes", async () => {
  const [first, second] = [open(), open()];
  await write("Hel");
  first.freeze();
  await clock.advance(5_000);
  expect(roles(second)).toEqual(["follower"]);
  await clock.advance(5_000);
  await write("lo");
  expect(roles(second)).toEqual(["leader"]);
  expect(second.state.content).toBe("Hello");
  first.thaw();
  await settle();
  await write("!");
  await settle();
  expect(roles(first, second)).toEqual(["follower", "leader"]);
  expect(engine.connections.size).toBe(1);
  expect(first.state.content).toBe("Hello!");
});

test("a hidden tab leaves a silent leader alone", async () => {
  const [first, second] = [open(), open()];
  second.isVisible = false;
  await deliver();
  first.freeze();
  await clock.advance(60_000);
  expect(roles(second)).toEqual(["follower"]);
});

test("two that steal at once agree on one", async () => {
  const [first, second, third] = [open(), open(), open()];
  await deliver();
  first.freeze();
  await clock.advance(20_000);
  await write("Hello");
  const leaders = roles(second, third).filter((role) => role === "leader");
  expect(leaders).toHaveLength(1);
  expect([second.state.content, third.state.content]).toEqual(["Hello", "Hello"]);
});

test("a follower's button reaches the leader", async () => {
  engine.isDown = true;
  const [first, second] = [open(), open()];
  await settle();
  expect(first.status?.state.kind).toBe("waiting");
  engine.isDown = false;
  second.feed.resume();
  await deliver();
  expect(second.status?.state.kind).toBe("connected");
});

test("a tab that missed a piece of a text outside the log does not take the end for its own", async () => {
  const [first, second] = [open(), open()];
  await write("Hello, ");
  engine.append("good morning, world");
  for (const connection of engine.connections) connection.kill("error");
  engine.store();
  await clock.advance(1_500);
  const half = engine.text.slice(0, engine.text.length / 2);
  const until = async (content: string) => {
    for (let step = 0; step < 200 && first.state.content !== content; step++) {
      for (const connection of engine.connections) connection.deliver(10);
      await settle();
    }
    expect(first.state.content).toBe(content);
  };
  await until(half);
  expect(second.state.content).toBe(half);
  second.freeze();
  await until(engine.text);
  second.thaw();
  await deliver();
  expect([first.state.content, second.state.content]).toEqual([engine.text, engine.text]);
  expect(second.state.ended?.chunk_type).toBe("done");
});

test("401 rests, in all tabs, until somebody resumes", async () => {
  engine.status = 401;
  const [first, second] = [open(), open()];
  await clock.advance(120_000);
  expect([first.signedOut, second.signedOut]).toEqual([1, 1]);
  expect(first.status?.state.kind).toBe("stopped");
  engine.status = null;
  second.feed.resume();
  await deliver();
  expect(first.status?.state.kind).toBe("connected");
});

test("events that do not come through are polled for, and come back when they do", async () => {
  engine.swallowsEvents = true;
  const [first, second] = [open(), open()];
  await clock.advance(6_500);
  expect(engine.requests.me).toBe(1);
  expect([first, second].map((tab) => tab.status?.transport)).toEqual(["poll", "poll"]);
  engine.append("Hello");
  await clock.advance(3_000);
  expect([first.state.content, second.state.content]).toEqual(["Hello", "Hello"]);
  engine.end();
  await clock.advance(3_000);
  engine.swallowsEvents = false;
  for (let step = 0; step < 75; step++) {
    for (const connection of engine.connections) connection.write(": keep-alive\n\n");
    await clock.advance(5_000);
    await deliver();
  }
  expect(first.status).toMatchObject({ transport: "events", state: { kind: "connected" } });
});

test("a stream that is silent is dead; one with comments is not", async () => {
  const tab = open();
  await deliver();
  for (let time = 0; time < 10; time++) {
    await clock.advance(15_000);
    for (const connection of engine.connections) connection.write(": keep-alive\n\n");
    await deliver();
  }
  expect(engine.requests.events).toBe(1);
  await clock.advance(26_000);
  expect(engine.requests.events).toBe(2);
  tab.feed.stop();
  await settle();
  expect(engine.connections.size).toBe(0);
});

test("a page that is seen again after a long silence connects at once", async () => {
  const tab = open();
  await deliver();
  clock.sleep(20_000);
  tab.page("shown");
  await deliver();
  expect(engine.requests.events).toBe(2);
});

test("Retry-After is waited for", async () => {
  engine.status = 503;
  const tab = open();
  await settle();
  expect(tab.status?.state).toMatchObject({ kind: "waiting", tries: 1 });
  engine.status = null;
  await clock.advance(6_900);
  expect(engine.requests.events).toBe(0);
  await clock.advance(1_000);
  expect(engine.requests.events).toBe(1);
});

test.each([
  ["error", "The connection broke."],
  ["close", "The server closed the connection."],
] as const)("after %s people are told a sentence", async (how, cause) => {
  const tab = open();
  await deliver();
  for (const connection of engine.connections) connection.kill(how);
  await settle();
  expect(tab.status?.state).toMatchObject({ kind: "waiting", cause });
  engine.isDown = true;
  await clock.advance(2_000);
  await settle();
  const second = tab.status?.state;
  expect(second?.kind === "waiting" ? second.cause : "").toMatch(
    /^The server (cannot be reached|does not answer)\.$/,
  );
});

test("what makes no sense is not told as it is", async () => {
  const tab = open();
  await deliver();
  for (const connection of engine.connections) connection.write("event: change\ndata: {}\n\n");
  await deliver();
  expect(tab.status?.state).toMatchObject({ cause: "What the server sent cannot be understood." });
});
