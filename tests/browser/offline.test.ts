// What is written without a network is kept, and sent once.
import { expect, test } from "vitest";
import type { Message } from "../system/support/engine.ts";
import { until } from "../system/support/process.ts";
import { Chromium } from "./support/chromium.ts";
import { expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";
import { networkNoise } from "./support/watch.ts";

const scene = useScene();

/** How often the engine has a question. */
async function countOf(question: string): Promise<number> {
  let count = 0;
  const { data } = await scene.engine.expect(200, "GET", "/conversations?limit=200");
  for (const { id } of data) {
    const page = await scene.engine.expect<{ data: Message[] }>(200, "GET", `/conversations/${id}/messages?limit=200`);
    count += page.data.filter((one) => one.role === "user" && one.content === question).length;
  }
  return count;
}

test("a message written offline waits in view, and is sent once when the network is back", async () => {
  const device = await scene.frailDevice();
  const chat = await device.open();
  await chat.ask({ tokens: 3 });
  await chat.waitForStatus("completed");
  await device.goOffline();
  const { key, text } = await chat.ask({ tokens: 40 });
  await chat.waitForStatus("waiting", chat.questions.last());
  expect(await countOf(text)).toBe(0);
  await device.goOnline();
  await expectExactWords(scene, chat, key);
  expect(await countOf(text)).toBe(1);
});

test("the first message of a new conversation, too, with the system prompt that was written for it", async () => {
  const device = await scene.frailDevice();
  const chat = await device.open();
  await chat.giveSystemPrompt("Answer in one word.");
  await device.goOffline();
  const { key, text } = await chat.ask({ tokens: 40 });
  await chat.waitForStatus("waiting", chat.questions.last());
  await device.goOnline();
  await expectExactWords(scene, chat, key);
  expect(await countOf(text)).toBe(1);
  const conversation = await scene.engine.expect(200, "GET", `/conversations/${await chat.conversationId()}`);
  expect(conversation.system_prompt).toBe("Answer in one word.");
});

test("the reply to a post is lost: the message is there once", async () => {
  const device = await scene.frailDevice();
  const chat = await device.open();
  await chat.ask({ tokens: 3 });
  await chat.waitForStatus("completed");
  let lost = 0;
  await device.context.route("**/messages", async (route) => {
    if (route.request().method() !== "POST" || lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  const { key, text } = await chat.ask({ tokens: 40 });
  await expectExactWords(scene, chat, key);
  await until("it was sent again", () => lost > 1);
  expect(await countOf(text)).toBe(1);
});

test("written offline, tab closed, opened again offline, and sent once from there", async () => {
  const device = await scene.frailDevice();
  const before = await device.open();
  await before.ask({ tokens: 3 });
  await before.waitForStatus("completed");
  const conversation = await before.conversationId();
  await before.offlineReady(await before.source());
  await device.goOffline();
  const { key, text } = await before.ask({ tokens: 40 });
  await before.waitForStatus("waiting", before.questions.last());
  await before.page.close();

  const chat = await device.open(`/c/${conversation}`);
  await chat.waitForStatus("waiting", chat.questions.last());
  expect(await chat.source(chat.questions.last())).toBe(text);
  await device.goOnline();
  await expectExactWords(scene, chat, key);
  expect(await countOf(text)).toBe(1);
});

test("written while the server is away, browser ended and started again: sent once", async () => {
  const first = await Chromium.begin();
  let second: Chromium | undefined;
  try {
    const { device, chat } = await scene.deskOf(first);
    device.watch.excuse(networkNoise);
    await chat.ask({ tokens: 3 });
    await chat.waitForStatus("completed");
    const conversation = await chat.conversationId();
    await scene.engine.stop("SIGKILL");
    const { key, text } = await chat.ask({ tokens: 40 });
    await chat.waitForStatus("waiting", chat.questions.last());
    await first.close();

    await scene.restartEngine();
    second = await Chromium.begin(first.profile);
    const again = await scene.deskOf(second, `/c/${conversation}`);
    again.device.watch.excuse(networkNoise);
    // The first answer has long ended: it is the second that is waited for.
    await again.chat.page.locator('article[data-role="assistant"]').nth(1).waitFor();
    await expectExactWords(scene, again.chat, key);
    expect(await countOf(text)).toBe(1);
  } finally {
    await (second ?? first).dispose();
  }
});
