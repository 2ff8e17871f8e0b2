// Many answers and several tabs at once: the page takes every key, and the browser needs one connection.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import type { Chat } from "./support/chat.ts";
import { expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";
import { Valve } from "./support/valve.ts";

const scene = useScene({ raw: true });

interface Key {
  /** Words that came into view from its handling until it was to be seen in the composer. */
  words: number;
}

/** Writes down, in the page, what it does between a key and its letter. */
async function watchKeys(chat: Chat): Promise<void> {
  await chat.page.evaluate(() => {
    const shown = () => document.querySelectorAll("article [data-text]").item(1)?.textContent?.split(" ").length ?? 0;
    const keys: Key[] = [];
    addEventListener("keydown", () => {
      const before = shown();
      // A frame's callbacks run before it is drawn: in the second one the first has been.
      requestAnimationFrame(() => requestAnimationFrame(() => keys.push({ words: shown() - before })));
    }, true);
    Object.assign(window, { keys });
  });
}

test("ten answers stream at once in three tabs, which take every key meanwhile, over one event stream", async () => {
  const device = await scene.device();
  const tabs = [await device.open(), await device.open(), await device.open()];
  const asked: { valve: Valve; conversation: string }[] = [];
  for (let n = 0; n < 10; n++) {
    const chat = tabs[n % 3]!;
    if (n >= 3) await chat.startNew();
    const valve = new Valve(scene.raw);
    valve.allow(1);
    await chat.say(valve.question);
    asked.push({ valve, conversation: await chat.conversationId() });
  }
  await Promise.all(tabs.map((chat) => chat.waitForWords(1)));
  expect((await scene.engine.expect(200, "GET", "/active-streams")).data).toHaveLength(10);

  // A word of each answer every 40 ms, for as long as there is something to type.
  let words = 1;
  const speaking = setInterval(() => {
    words++;
    for (const { valve } of asked) valve.allow(words);
  }, 40);
  try {
    for (const chat of tabs) {
      await watchKeys(chat);
      await chat.composer.click();
      const written = "while ten answers are written";
      for (let n = 0; n < written.length; n++) {
        await chat.page.keyboard.type(written[n]!);
        expect(await chat.composer.inputValue()).toBe(written.slice(0, n + 1));
      }
      const seen = () => chat.page.evaluate(() => (window as unknown as { keys: Key[] }).keys);
      const keys = await until("every key is drawn", async () => (await seen()).length === written.length && (await seen()));
      // Fifty words are two seconds of an answer: a page that is busy with ten of them would need more.
      expect(Math.max(...keys.map((key) => key.words))).toBeLessThan(50);
      expect(device.watch.openStreams()).toHaveLength(1);
    }
  } finally {
    clearInterval(speaking);
  }
  expect((await scene.engine.expect(200, "GET", "/active-streams")).data).toHaveLength(10);
  for (const { valve } of asked) valve.finish(words);

  await Promise.all(tabs.map(async (chat, n) => {
    for (let turn = 0; turn < asked.length; turn++) {
      const { valve, conversation } = asked[(turn + n * 3) % asked.length]!;
      await chat.goTo(conversation);
      await expectExactWords(scene, chat, valve.key);
    }
  }));
  expect(device.watch.mostStreams).toBe(1);
});
