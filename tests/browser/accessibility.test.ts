// axe finds nothing in any state, in light and dark, on a desktop and at 320 px, where nothing needs to be scrolled sideways.
import { describe, expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { findOverflow, findViolations } from "./support/axe.ts";
import type { Chat } from "./support/chat.ts";
import { type Device, useScene } from "./support/scene.ts";
import { speech } from "./support/speaker.ts";
import { Valve } from "./support/valve.ts";
import { networkNoise } from "./support/watch.ts";

const scene = useScene({ raw: true, args: ["--failures-max", "1"] });

const desktop = { width: 1280, height: 800 };
const narrow = { width: 320, height: 640 };

interface Look {
  size: { width: number; height: number };
  colorScheme: "light" | "dark";
}
const looks: Look[] = [desktop, narrow].flatMap((size) => (["light", "dark"] as const).map((colorScheme) => ({ size, colorScheme })));

/** Looks at a state that holds still while it is looked at. */
async function expectNothing(chat: Chat, sizes = looks): Promise<void> {
  const found: string[] = [];
  for (const { size, colorScheme } of sizes) {
    await chat.page.emulateMedia({ colorScheme });
    await chat.page.setViewportSize(size);
    await chat.settled();
    const here = [...(await findViolations(chat.page)), ...(await findOverflow(chat.page))];
    found.push(...here.map((one) => `${colorScheme}, ${size.width} px: ${one}`));
  }
  await chat.page.setViewportSize(desktop);
  expect(found).toEqual([]);
}

/** What is open is closed by a change of its size: each look opens it again. */
async function expectNothingOpen(chat: Chat, open: () => Promise<void>): Promise<void> {
  for (const look of looks) {
    await chat.page.emulateMedia({ colorScheme: look.colorScheme });
    await chat.page.setViewportSize(look.size);
    await open();
    await expectNothing(chat, [look]);
    await chat.page.setViewportSize(look.size);
    await chat.page.keyboard.press("Escape");
    await chat.settled();
  }
}

const rich = [
  "# Title\n\n## Section\n\nText with **bold**, _italics_, `code`, ~~gone~~, [a link](https://example.com/path) and $x^2 + y_1$.\n\n",
  "- one\n- two\n  1. deep\n- [x] done\n- [ ] open\n\n> A quote\n\n| Name | Value |\n|---|--:|\n| a | 1 |\n| b | 2 |\n\n",
  "```ts\n// a comment\nexport const value: Map<string, number> = new Map([[\"text\", 42]]);\nfunction longNameForALongLine(parameter: string): string { return `template ${parameter}`; }\n```\n\n",
  "$$\\sum_{k=1}^n \\frac{1}{k} \\le \\int_1^n \\frac{dx}{x} + \\sqrt{\\pi}$$\n\n![a picture](https://example.com/p.png)\n\n---\n\n",
  `${"averyveryverylongword".repeat(20)}\n\n<b>raw</b> שלום\n`,
];

async function said(chat: Chat, pieces = rich): Promise<string> {
  const { key, question } = speech(scene.raw, pieces);
  await chat.say(question);
  await chat.waitForStatus("completed");
  return key;
}

/** The model refuses or breaks: what the answer then says. */
function failing(status: string): string {
  const name = `fails-${status}-${Math.random()}`;
  scene.raw.script(name, async (reply) => {
    await reply.head({ "Content-Type": "application/json", "Transfer-Encoding": "", "Content-Length": "2", Connection: "close" }, status);
    await reply.bytes("{}");
    await reply.end();
  });
  return JSON.stringify({ mock: { key: name, script: name } });
}

async function open(path = "/"): Promise<{ device: Device; chat: Chat }> {
  const device = await scene.device({ viewport: desktop });
  return { device, chat: await device.open(path) };
}

describe("a page that holds still", () => {
  test("nothing yet", async () => {
    const { chat } = await open();
    await expectNothing(chat);
  });

  test("an answer of every kind, and the list", async () => {
    const { chat } = await open();
    await said(chat);
    await expectNothing(chat);
    await expectNothingOpen(chat, () => chat.openDetails());
  });

  test("an answer being written, and one that waits behind it", async () => {
    const { chat } = await open();
    const valve = new Valve(scene.raw);
    valve.allow(40);
    await chat.say(valve.question);
    await chat.waitForWords(40);
    await expectNothing(chat);
    const next = new Valve(scene.raw);
    await scene.engine.post(await chat.conversationId(), next.question);
    await chat.waitForStatus("queued");
    await expectNothing(chat);
  });

  test("stopped, failed, and failed with a retry that comes by itself", async () => {
    const { chat } = await open();
    const valve = new Valve(scene.raw);
    valve.allow(10);
    await chat.say(valve.question);
    await chat.waitForWords(10);
    await chat.stop();
    await chat.waitForStatus("cancelled");
    await expectNothing(chat);
    await chat.say(failing("400 Bad Request"));
    await chat.waitForStatus("error");
    await expectNothing(chat);
    await chat.say(failing("503 Service Unavailable"));
    await chat.waitForStatus("error");
    await chat.retryNotice.waitFor();
    await expectNothing(chat, looks.slice(0, 1));
  });

  test("offline, with a message that waits", async () => {
    const device = await scene.frailDevice();
    const chat = await device.open();
    await said(chat);
    await device.goOffline();
    await chat.say("Is anybody there?");
    await chat.waitForStatus("waiting", chat.questions.last());
    await chat.offlineNotice.waitFor();
    await expectNothing(chat);
    await device.goOnline();
  });

  test("settings", async () => {
    const { chat } = await open();
    await said(chat);
    await chat.page.goto(`${scene.engine.url}/settings`);
    await chat.page.getByRole("heading", { name: "Settings" }).waitFor();
    await expectNothing(chat);
  });

  test("what is not here: a conversation, and a page", async () => {
    const device = await scene.device({ viewport: desktop });
    // The engine says 404 of the conversation.
    device.watch.excuse(networkNoise);
    for (const path of ["/c/01900000-0000-7000-8000-000000000000", "/nowhere/at/all"]) {
      const chat = await device.openUnready(path);
      await chat.missingNotice.waitFor();
      await expectNothing(chat);
    }
  });
});

describe("what opens", () => {
  test("the palette, empty and with what was typed", async () => {
    const { chat } = await open();
    await said(chat);
    await expectNothingOpen(chat, () => chat.openPalette());
    await expectNothingOpen(chat, async () => {
      await chat.openPalette();
      await chat.page.keyboard.type("mock");
      await until("a chat", async () => (await chat.page.getByRole("option", { name: /mock/ }).count()) > 1);
    });
  });

  test("the search: found, and not found", async () => {
    const { chat } = await open();
    await said(chat);
    for (const [words, says] of [["longNameForALongLine", /^\d+ chats?$/], ["nothing has this in it", /^Nothing found/]] as const) {
      await chat.page.getByRole("searchbox", { name: "Search all chats" }).fill(words);
      await chat.page.getByText(says).waitFor();
      await expectNothing(chat, looks.slice(0, 2));
    }
  });

  test("the help", async () => {
    const { chat } = await open();
    await expectNothingOpen(chat, async () => {
      await chat.page.locator("body").click({ position: { x: 2, y: 2 } });
      await chat.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await chat.page.keyboard.press("?");
      await chat.page.getByRole("dialog").waitFor();
    });
  });

  test("about this connection", async () => {
    const { chat } = await open();
    await expectNothingOpen(chat, () => chat.openConnection());
  });

  test("the menus of a message, of the model and of a chat in the list", async () => {
    const { chat } = await open();
    await said(chat);
    const menu = async () => {
      await chat.page.getByRole("menu").waitFor();
    };
    await expectNothingOpen(chat, async () => {
      await chat.answer.getByRole("button", { name: "Answer again" }).click();
      await menu();
    });
    await expectNothingOpen(chat, async () => {
      await chat.modelPicker.click();
      await menu();
    });
    await expectNothing(chat, []);
  });

  test("the source of a message, one being edited, one being renamed, one just deleted", async () => {
    const { chat } = await open();
    await said(chat);
    await chat.showSource(chat.answer);
    await expectNothing(chat);
    await chat.startEdit();
    await expectNothing(chat);
    await chat.page.keyboard.press("Escape");
    await chat.startRename();
    await expectNothing(chat, looks.slice(0, 2));
    await chat.page.keyboard.press("Escape");
    await chat.removeCurrent();
    await expectNothing(chat);
  });

  test("the list of chats on a phone", async () => {
    const { chat } = await open();
    await said(chat);
    for (const look of looks.slice(2)) {
      await chat.page.setViewportSize(look.size);
      await chat.openDrawer();
      await expectNothing(chat, [look]);
      await chat.page.setViewportSize(look.size);
      await chat.closeDrawer();
    }
  });
});

test("who wants less motion gets none", async () => {
  const device = await scene.device({ viewport: desktop, reducedMotion: "reduce" });
  const chat = await device.open();
  const valve = new Valve(scene.raw);
  valve.allow(10);
  await chat.say(valve.question);
  await chat.waitForWords(10);
  const moving = () => chat.page.evaluate(() => document.getAnimations().map((one) => [one.effect?.getComputedTiming(), one.playState] as const)
    .filter(([timing, state]) => state === "running" && (timing?.iterations === Infinity || Number(timing?.duration) > 1)).length);
  expect(await moving()).toBe(0);
  await chat.openPalette();
  expect(await moving()).toBe(0);
});
