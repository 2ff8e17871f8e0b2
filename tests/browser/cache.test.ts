// What the browser stores is a cache: deleted, full or from another version, it costs no word.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { expectExactWords } from "./support/exact.ts";
import { type Device, useScene } from "./support/scene.ts";
import { Valve } from "./support/valve.ts";

const scene = useScene({ raw: true });

/** Of the cache, as a browser of this installation has it. */
async function databaseName(): Promise<string> {
  const device = await scene.device();
  const chat = await device.open();
  const names = await until("the database of the cache", async () => {
    const all = await chat.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name!));
    return all.length > 0 && all;
  });
  expect(names).toHaveLength(1);
  return names[0]!;
}

async function send(device: Device, method: "Storage.clearDataForOrigin" | "Storage.overrideQuotaForOrigin", more: object): Promise<void> {
  const session = await device.context.newCDPSession(device.tabs[0]!);
  await session.send(method as "Storage.clearDataForOrigin", { origin: scene.engine.url, ...more } as { origin: string; storageTypes: string });
  await session.detach();
}

test("deleted in the middle of an answer", async () => {
  const device = await scene.device();
  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.allow(30);
  await chat.say(valve.question);
  await chat.waitForWords(30);
  await send(device, "Storage.clearDataForOrigin", { storageTypes: "indexeddb" });
  valve.allow(60);
  await chat.waitForWords(60);
  await chat.page.reload();
  await chat.waitForWords(60);
  valve.finish(80);
  await expectExactWords(scene, chat, valve.key);
  await chat.page.reload();
  await expectExactWords(scene, chat, valve.key);
});

test("full: answers arrive, and are there after a reload", async () => {
  const device = await scene.device();
  const chat = await device.open();
  await send(device, "Storage.overrideQuotaForOrigin", { quotaSize: 1 });
  const valve = new Valve(scene.raw);
  valve.allow(30);
  await chat.say(valve.question);
  await chat.waitForWords(30);
  await chat.page.reload();
  await chat.waitForWords(30);
  valve.finish(1000);
  await expectExactWords(scene, chat, valve.key);
  await chat.page.reload();
  await expectExactWords(scene, chat, valve.key);
});

test.each([["an older", 1], ["a newer", 9_000]])("made by %s version of the application", async (_, version) => {
  const device = await scene.device();
  // A page without an icon of its own.
  device.watch.excuse(/favicon\.ico/);
  const page = await device.context.newPage();
  await page.goto(`${scene.engine.url}/healthz`);
  await page.evaluate(([name, number]) => new Promise<void>((resolve, reject) => {
    const open = indexedDB.open(name as string, number as number);
    open.onupgradeneeded = () => {
      const messages = open.result.createObjectStore("messages", { autoIncrement: true });
      messages.put({ what: "nothing that anybody knows" });
      open.result.createObjectStore("attic");
    };
    open.onsuccess = () => {
      open.result.close();
      resolve();
    };
    open.onerror = () => reject(open.error);
  }), [await databaseName(), version]);
  await page.close();

  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.allow(30);
  await chat.say(valve.question);
  await chat.waitForWords(30);
  await chat.page.reload();
  await chat.waitForWords(30);
  valve.finish(60);
  await expectExactWords(scene, chat, valve.key);
});

test("a browser that has no IndexedDB to offer", async () => {
  const device = await scene.device();
  await device.context.addInitScript(() => {
    Object.defineProperty(window, "indexedDB", { value: { open: () => { throw new DOMException("no", "SecurityError"); } } });
  });
  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.finish(30);
  await chat.say(valve.question);
  await expectExactWords(scene, chat, valve.key);
});

test("a conversation is shown from the cache before the engine has answered", async () => {
  const device = await scene.device();
  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.finish(30);
  await chat.say(valve.question);
  const text = await expectExactWords(scene, chat, valve.key);
  await chat.cached(text);
  const held: (() => void)[] = [];
  // Only what the shell is made of passes.
  await device.context.route((url) => !/^\/(assets\/|c\/|$|theme\.js|sw\.js|manifest)/.test(url.pathname), (route) => new Promise<void>((go) => held.push(go)).then(() => route.continue()));
  await chat.page.reload({ waitUntil: "commit" });
  await until("the text is there", async () => (await chat.answers.count()) === 1 && (await chat.shown()) === text);
  expect(held.length).toBeGreaterThan(0);
  for (const go of held) go();
  await device.context.unrouteAll({ behavior: "ignoreErrors" });
  await expectExactWords(scene, chat, valve.key);
});
