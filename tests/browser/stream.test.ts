// An answer in the page: it streams, whatever it says, beside others and while its reader looks elsewhere.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { expectExact, expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";

const scene = useScene();

test("a question is sent, and its answer streams to the end", async () => {
  const chat = await (await scene.device()).open();
  const { key, text } = await chat.ask({ tokens: 120, pace_ms: 10 });
  await until("the question is shown", async () => (await chat.questions.count()) === 1);
  await chat.waitForWords(5);
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
