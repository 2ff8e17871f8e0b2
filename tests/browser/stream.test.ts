// An answer in the page: it streams, whatever it says, beside others and while its reader looks elsewhere.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import type { Chat } from "./support/chat.ts";
import { expectExact, expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";

const scene = useScene();

test("a question is sent, and its answer streams to the end", async () => {
  const chat = await (await scene.device()).open();
  const { key, text } = await chat.ask({ tokens: 120, pace_ms: 10 });
  await until("the question is shown", async () => (await chat.questions.count()) === 1);
  await chat.waitForWords(5);
  expect(await chat.status()).toBe("generating");
  const source = await expectExactWords(scene, chat, key);
  expect(source).toMatch(/ 119:\S+$/);
  expect(await chat.source(chat.questions.first())).toBe(text);
});

test.each([
  ["marks of markdown", "# Title\n\n- **bold** _it_ `code` ~~gone~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nconst a = `${1}` < 2;\n```\n\n> quote\n\n$$x^2$$ and $5"],
  ["what HTML would eat", "<b>not bold</b> &amp; &lt; <script>alert(1)</script> \"'` end"],
  ["blanks and ends of lines", "  two before\n\n\n\nfour ends  \ntwo blanks at the end of a line\ttab\n\n  "],
  ["letters of many kinds", "e\u0301 é 日本語 🙂👩‍👩‍👧‍👦🇫🇷 \u202Eright to left\u202C \u2028 \u200B\uFEFF שלום مرحبا"],
  ["fences that do not end", "````md\n```js\nlet a\n```\n~~~\n"],
])("the text is exact: %s", async (_, text) => {
  const chat = await (await scene.device()).open();
  const { key } = await chat.ask({ text, token_bytes: 3, pace_ms: 2, reasoning: 4 });
  expect(await expectExact(scene, chat, key)).toBe(text);
});

test("an answer goes on while another conversation is looked at, and is there at once on return", async () => {
  const device = await scene.device();
  const chat = await device.open();
  const first = await chat.ask({ tokens: 400, pace_ms: 20 });
  await chat.waitForWords(10);
  const id = await chat.conversationId();
  await chat.startNew();
  const second = await chat.ask({ tokens: 300, pace_ms: 20 });
  await chat.waitForWords(10);
  const other = await chat.conversationId();
  for (const turn of [id, other, id, other]) {
    await chat.goTo(turn);
    // It grows in view, unless it has ended by now.
    const before = await chat.words();
    await until("more of it", async () => (await chat.status()) === "completed" || (await chat.words()) > before);
  }
  await expectExactWords(scene, chat, second.key);
  await chat.goTo(id);
  await expectExactWords(scene, chat, first.key);
  expect(device.watch.mostStreams).toBe(1);
});

interface Key {
  /** Frames that were drawn while it waited to be handled. */
  frames: number;
  /** Words that came into view from then until it was to be seen in the composer. */
  words: number;
}

/** Writes down, in the page, what it does between a key and its letter. */
async function watchKeys(chat: Chat): Promise<void> {
  await chat.page.evaluate(() => {
    const frames: number[] = [];
    const draw = (at: number) => {
      frames.push(at);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
    const shown = () => document.querySelectorAll("article [data-text]").item(1)?.textContent?.split(" ").length ?? 0;
    const keys: Key[] = [];
    addEventListener("keydown", (event) => {
      const now = performance.now();
      const waited = frames.filter((at) => at > event.timeStamp && at < now).length;
      const before = shown();
      // A frame's callbacks run before it is drawn: in the second one the first has been.
      requestAnimationFrame(() => requestAnimationFrame(() => keys.push({ frames: waited, words: shown() - before })));
    }, true);
    Object.assign(window, { keys });
  });
}

test("ten answers stream at once in three tabs, which take every key meanwhile, over one event stream", async () => {
  const device = await scene.device();
  const tabs = [await device.open(), await device.open(), await device.open()];
  const asked: { key: string; conversation: string }[] = [];
  for (let n = 0; n < 10; n++) {
    const chat = tabs[n % 3]!;
    if (n >= 3) await chat.startNew();
    const { key } = await chat.ask({ tokens: 400, pace_ms: 40 });
    asked.push({ key, conversation: await chat.conversationId() });
  }
  await Promise.all(tabs.map((chat) => chat.waitForWords(1)));
  expect((await scene.engine.expect(200, "GET", "/active-streams")).data).toHaveLength(10);

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
    expect(Math.max(...keys.map(({ frames }) => frames))).toBeLessThanOrEqual(1);
    expect(Math.max(...keys.map(({ words }) => words))).toBeLessThan(25);
    expect(device.watch.openStreams()).toHaveLength(1);
  }
  expect((await scene.engine.expect(200, "GET", "/active-streams")).data.length).toBeGreaterThan(0);

  await Promise.all(tabs.map(async (chat, n) => {
    for (let turn = 0; turn < asked.length; turn++) {
      const { key, conversation } = asked[(turn + n * 3) % asked.length]!;
      await chat.goTo(conversation);
      await expectExactWords(scene, chat, key);
    }
  }));
  expect(device.watch.mostStreams).toBe(1);
});
