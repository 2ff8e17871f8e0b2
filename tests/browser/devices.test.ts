// Many tabs and many devices: they see the same, and none is needed by another.
import { expect, test } from "vitest";
import { startEngine } from "../system/support/engine.ts";
import { until } from "../system/support/process.ts";
import { expectExact, expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";
import { Valve } from "./support/valve.ts";
import { networkNoise } from "./support/watch.ts";

const scene = useScene({ raw: true });

test("a second device sees the answer grow, stops it, and both show where it stopped", async () => {
  const valve = new Valve(scene.raw);
  const here = await (await scene.device()).open();
  await here.say(valve.question);
  valve.allow(30);
  await here.waitForWords(30);
  expect(await here.status()).toBe("generating");
  const there = await (await scene.device()).open(`/c/${await here.conversationId()}`);
  await there.waitForWords(30);
  valve.allow(45);
  await Promise.all([here.waitForWords(45), there.waitForWords(45)]);
  await there.stop();
  const texts = await Promise.all([here, there].map((chat) => expectExactWords(scene, chat, valve.key, "cancelled")));
  expect(texts[0]).toBe(texts[1]);
  expect(texts[0]).toMatch(/ 44:\S+$/);
  await until("the request to the model is closed", async () => (await scene.raw.requests(valve.key)).every((one) => one.closed_by_client));
});

test("a question that another device asks appears without a reload, with its answer", async () => {
  const first = new Valve(scene.raw);
  const here = await (await scene.device()).open();
  await here.say(first.question);
  first.finish(5);
  await here.waitForStatus("completed");
  const there = await (await scene.device()).open(`/c/${await here.conversationId()}`);
  await there.waitForStatus("completed");
  const second = new Valve(scene.raw);
  second.allow(10);
  await there.say(second.question);
  await until("the question", async () => (await here.questions.count()) === 2);
  await here.waitForWords(10);
  second.finish(20);
  for (const chat of [here, there]) await expectExactWords(scene, chat, second.key);
});

test("the leading tab is frozen, another goes on; awake again it has everything, over one event stream", async () => {
  const desk = await scene.desk();
  const leader = await desk.open();
  const [leaderPage] = await until("the leader is connected", () => desk.watch.openStreams().length === 1 && desk.watch.openStreams());
  expect(leaderPage).toBe(leader.page);
  const other = await desk.open();
  const valve = new Valve(scene.raw);
  valve.allow(10);
  await other.say(valve.question);
  await other.waitForWords(10);
  await leader.lookAt();
  await leader.goTo(await other.conversationId());
  await leader.waitForWords(10);
  await other.lookAt();
  await until("the leader is behind it", () => leader.isHidden());

  const session = await desk.context.newCDPSession(leader.page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  valve.allow(60);
  await other.waitForWords(60, other.answer, 60_000);
  valve.finish(100);
  await expectExactWords(scene, other, valve.key);

  await session.send("Page.setWebLifecycleState", { state: "active" });
  await leader.lookAt();
  await expectExactWords(scene, leader, valve.key);
  await until("one event stream is open", () => desk.watch.openStreams().length === 1);
});

test("the leading tab is closed in the middle of an answer", async () => {
  const device = await scene.device();
  const leader = await device.open();
  await until("the leader is connected", () => device.watch.openStreams().length === 1);
  const other = await device.open();
  const valve = new Valve(scene.raw);
  valve.allow(10);
  await other.say(valve.question);
  await other.waitForWords(10);
  expect(device.watch.openStreams()).toEqual([leader.page]);
  await leader.page.close();
  valve.allow(60);
  await other.waitForWords(60);
  await until("one event stream is open", () => device.watch.openStreams().length === 1);
  expect(device.watch.openStreams()).toEqual([other.page]);
  valve.finish(100);
  await expectExactWords(scene, other, valve.key);
});

test("a background tab counts what ended unseen, and forgets it when it is looked at", async () => {
  const desk = await scene.desk();
  const chat = await desk.open();
  const valve = new Valve(scene.raw);
  valve.allow(5);
  await chat.say(valve.question);
  await chat.waitForWords(5);
  const elsewhere = await desk.context.newPage();
  await elsewhere.bringToFront();
  // An answer that ends before the page knows that it is hidden was seen.
  await until("the page is hidden", () => chat.isHidden());
  valve.finish(20);
  await until("the tab's title has a count", async () => /^\(1\)/.test(await chat.page.title()));
  await chat.lookAt();
  await until("the count is gone", async () => !/^\(/.test(await chat.page.title()));
  await expectExactWords(scene, chat, valve.key);
});

test("another installation at the same address: nothing of the one before is shown", async () => {
  const device = await scene.device();
  device.watch.excuse(networkNoise);
  const before = await device.open();
  const valve = new Valve(scene.raw);
  valve.finish(5);
  await before.say(valve.question);
  const text = await expectExact(scene, before, valve.key);
  const conversation = await before.conversationId();
  const old = scene.engine;
  await old.stop("SIGKILL");
  scene.engine = await startEngine({ model: scene.raw.base, listen: new URL(old.url).host });
  try {
    const chat = await device.openUnready(`/c/${conversation}`);
    await chat.missingNotice.waitFor();
    expect(await chat.page.locator("body").innerText()).not.toContain(text);
    expect(await chat.list.getByRole("link").filter({ hasText: valve.key }).count()).toBe(0);
    // The tab that was open all the time forgets, too.
    await until("the old tab forgets", async () => !(await before.page.locator("body").innerText()).includes(text));
  } finally {
    await scene.engine.dispose();
    scene.engine = await old.restart();
  }
});

test("a server that wants a token now: signed out, and nothing is shown", async () => {
  const device = await scene.device();
  device.watch.excuse(networkNoise);
  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.finish(5);
  await chat.say(valve.question);
  const text = await expectExact(scene, chat, valve.key);
  const old = scene.engine;
  await old.stop("SIGKILL");
  const closed = await startEngine({
    model: scene.raw.base, listen: new URL(old.url).host, dataDir: old.dataDir, env: { THROUGHLINE_ACCESS_TOKEN: "a-token-that-is-long-enough-to-be-one" },
  });
  try {
    await chat.signedOutNotice.waitFor();
    expect(await chat.page.locator("body").innerText()).not.toContain(text);
  } finally {
    await closed.stop("SIGKILL");
    scene.engine = await old.restart();
  }
});
