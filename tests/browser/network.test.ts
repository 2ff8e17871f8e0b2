// The network and the server fail in the middle of an answer, and the page has every word of it all the same.
import { setTimeout as pass } from "node:timers/promises";
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { startProxy } from "../system/support/proxy.ts";
import { expectExactWords } from "./support/exact.ts";
import { moments, seed } from "./support/random.ts";
import { useScene } from "./support/scene.ts";
import { networkNoise } from "./support/watch.ts";

const scene = useScene();

test(`the page is loaded again at ten random moments (BROWSER_SEED=${seed})`, async () => {
  const device = await scene.device();
  const chat = await device.open();
  const { key } = await chat.ask({ tokens: 700, pace_ms: 15 });
  await chat.conversationId();
  const seen: string[] = [];
  for (const moment of moments(10, 500)) {
    await chat.waitForWords(moment);
    seen.push(await chat.shown());
    await chat.page.reload({ waitUntil: "commit" });
    await chat.waitForWords(await chat.words());
    await until("what was shown is there again", async () => (await chat.shown()).length >= seen.at(-1)!.length);
  }
  const source = await expectExactWords(scene, chat, key);
  for (const before of seen) expect(source.startsWith(before)).toBe(true);
  expect(device.watch.openStreams()).toHaveLength(1);
});

test("offline for 30 s and back: one answer ended meanwhile, one goes on", async () => {
  const device = await scene.frailDevice();
  const chat = await device.open();
  const short = await chat.ask({ tokens: 200, pace_ms: 50 });
  const first = await chat.conversationId();
  await chat.startNew();
  const long = await chat.ask({ tokens: 1000, pace_ms: 45 });
  await chat.waitForWords(10);
  const second = await chat.conversationId();

  await device.goOffline();
  await chat.offlineNotice.waitFor();
  await chat.goTo(first);
  const before = await chat.shown();
  expect(before).not.toBe("");
  // It is the length of this that is tested: the answer in view ends, keep-alives stay away, and every wait has grown.
  await pass(30_000);
  expect(await chat.shown()).toBe(before);
  await device.goOnline();

  await expectExactWords(scene, chat, short.key);
  await chat.goTo(second);
  await expectExactWords(scene, chat, long.key);
  await until("one event stream is open", () => device.watch.openStreams().length === 1);
});

test("the server is killed and started again in the middle", async () => {
  const device = await scene.device();
  device.watch.excuse(networkNoise);
  const chat = await device.open();
  const { key } = await chat.ask({ tokens: 800, pace_ms: 20, vary: true });
  await chat.waitForWords(40);
  await scene.restartEngine("SIGKILL");
  await expectExactWords(scene, chat, key);
  expect(await scene.model.requests(key)).toHaveLength(2);
});

test("connections are cut again and again", async () => {
  const device = await scene.frailDevice();
  const chat = await device.open();
  const { key } = await chat.ask({ tokens: 400, pace_ms: 15 });
  for (const moment of moments(6, 250)) {
    await chat.waitForWords(moment);
    await device.front.cut(moment % 2 === 0 ? "cut" : "reset");
  }
  await expectExactWords(scene, chat, key);
});

test("a proxy that holds event streams back: the page changes to the long poll by itself", async () => {
  const proxy = await startProxy(scene.engine.url, { buffers: true, keepsHost: true });
  try {
    const device = await scene.device({ home: proxy.url });
    device.watch.excuse(networkNoise);
    const chat = await device.open();
    const { key } = await chat.ask({ tokens: 600, pace_ms: 50 });
    await chat.waitForWords(20);
    expect(await chat.status()).toBe("generating");
    expect(device.watch.requests.some((one) => /^GET \/stream\/.*wait=/.test(one))).toBe(true);
    await expectExactWords(scene, chat, key);
  } finally {
    await proxy.close();
  }
});
