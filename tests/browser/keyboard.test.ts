// The whole tour by keyboard alone. Nothing here touches a mouse, and the focus is never lost.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import type { Chat } from "./support/chat.ts";
import { expectExactWords } from "./support/exact.ts";
import { expectFocus, focused, tabTo } from "./support/keys.ts";
import { useScene } from "./support/scene.ts";
import { Valve } from "./support/valve.ts";

const scene = useScene({ raw: true });
const composer = /^textbox Message/;

async function open(path = "/"): Promise<Chat> {
  const chat = await (await scene.device()).open(path);
  await expectFocus(chat.page, composer);
  return chat;
}

/** Types into the composer, which has the focus, and sends. */
async function typeAndSend(chat: Chat, text: string): Promise<void> {
  await expectFocus(chat.page, composer);
  await chat.page.keyboard.insertText(text);
  await chat.page.keyboard.press("Enter");
}

async function answered(chat: Chat, words = 5): Promise<Valve> {
  const valve = new Valve(scene.raw);
  valve.finish(words);
  await typeAndSend(chat, valve.question);
  await chat.waitForStatus("completed");
  return valve;
}

test("write, break the line, send, stop with Escape, ask again", async () => {
  const chat = await open();
  await chat.page.keyboard.type("one");
  await chat.page.keyboard.press("Shift+Enter");
  await chat.page.keyboard.type("two");
  expect(await chat.composer.inputValue()).toBe("one\ntwo");
  await chat.page.keyboard.press("Control+a");
  const valve = new Valve(scene.raw);
  valve.allow(10);
  await typeAndSend(chat, valve.question);
  await chat.waitForWords(10);
  await expectFocus(chat.page, composer);
  await chat.page.keyboard.press("Escape");
  await expectExactWords(scene, chat, valve.key, "cancelled");
  await chat.page.keyboard.press("Escape");
  await tabTo(chat.page, composer);
  await answered(chat);
  await expectFocus(chat.page, composer);
});

test("the last question is edited with Up; its versions and those of the answer are stepped through", async () => {
  const chat = await open();
  const first = await answered(chat);
  const second = new Valve(scene.raw);
  second.finish(9);
  await chat.page.keyboard.press("ArrowUp");
  await until("the question is in a field", async () => (await chat.page.evaluate(() => (document.activeElement as HTMLTextAreaElement).value)) === first.question);
  await chat.page.keyboard.press("Control+a");
  await chat.page.keyboard.insertText(second.question);
  await chat.page.keyboard.press("Control+Enter");
  // What a key does is drawn a frame later: what is read before that is the version before.
  const shows = (question: string) =>
    until("this version of the question", async () => (await chat.shown(chat.questions.last()).catch(() => "")) === question);
  await shows(second.question);
  await expectExactWords(scene, chat, second.key);

  await tabTo(chat.page, /^button Previous version/);
  await chat.page.keyboard.press("Enter");
  await shows(first.question);
  await expectExactWords(scene, chat, first.key);
  await tabTo(chat.page, /^button Next version/);
  await chat.page.keyboard.press("Enter");
  await shows(second.question);
  await expectExactWords(scene, chat, second.key);

  await tabTo(chat.page, /^button Answer again/);
  await chat.page.keyboard.press("Enter");
  await expectFocus(chat.page, /^menuitem Answer again/);
  await chat.page.keyboard.press("Enter");
  await until("another answer", async () => (await scene.raw.requests(second.key)).length === 2);
  await until("its number", async () => /2\/2/.test(await chat.answer.innerText()));
});

test("a new chat, the palette, search", async () => {
  const chat = await open();
  await answered(chat);
  const conversation = await chat.conversationId();
  await scene.engine.expect(200, "PATCH", `/conversations/${conversation}`, { title: "Birds of the estuary" });
  await chat.page.keyboard.press("Control+Shift+o");
  await chat.page.waitForURL((url) => url.pathname === "/");
  await expectFocus(chat.page, composer);

  await chat.openPalette();
  await chat.page.keyboard.type("estuary");
  await until("the hit", async () => (await chat.page.getByRole("option", { name: /Birds of the estuary/ }).count()) > 0);
  await chat.page.keyboard.press("Escape");
  await expectFocus(chat.page, composer);
  await chat.openPalette();
  await chat.page.keyboard.type("estuary");
  await until("the hit", async () => (await chat.page.getByRole("option", { name: /Birds of the estuary/ }).count()) > 0);
  await until("it is chosen", async () => {
    if (await chat.page.getByRole("option", { name: /Birds of the estuary/, selected: true }).count()) return true;
    await chat.page.keyboard.press("ArrowDown");
    return false;
  });
  await chat.page.keyboard.press("Enter");
  await chat.page.waitForURL(`**/c/${conversation}`);

  await tabTo(chat.page, /^button /);
  await chat.page.keyboard.press("/");
  await expectFocus(chat.page, /search/i);
  await chat.page.keyboard.type("Birds of");
  await until("the hit", async () => (await chat.page.getByRole("link", { name: /Birds of the estuary/ }).count()) > 0);
});

test("in the list: rename, pin, delete and undo", async () => {
  const chat = await open();
  await answered(chat);
  const conversation = await chat.conversationId();
  const inEngine = () => scene.engine.expect(200, "GET", `/conversations/${conversation}`);
  await tabTo(chat.page, /^link .*mock/);
  await chat.page.keyboard.press("F2");
  await expectFocus(chat.page, /Name of the chat/);
  await chat.page.keyboard.press("Control+a");
  await chat.page.keyboard.type("Renamed by keyboard");
  await chat.page.keyboard.press("Enter");
  await until("the engine has the name", async () => (await inEngine()).title === "Renamed by keyboard");
  await expectFocus(chat.page, /^link Renamed by keyboard/);

  await chat.page.keyboard.press("Tab");
  await expectFocus(chat.page, /^button More about Renamed/);
  await chat.page.keyboard.press("Enter");
  await chat.page.getByRole("menuitem", { name: "Pin" }).waitFor();
  await chat.page.keyboard.type("P");
  await chat.page.keyboard.press("Enter");
  await until("the engine has it pinned", async () => (await inEngine()).pinned === true);

  await chat.page.keyboard.press("Shift+Tab");
  await expectFocus(chat.page, /^link Renamed by keyboard/);
  await chat.page.keyboard.press("Delete");
  await until("it is gone", async () => (await chat.listed(/Renamed by keyboard/).count()) === 0);
  await until("the engine has it no more", async () => (await scene.engine.call("GET", `/conversations/${conversation}`)).status === 404);
  await expectFocus(chat.page, /^(?!nothing$)/);
  await chat.page.keyboard.press("Control+z");
  await until("it is back", async () => (await chat.listed(/Renamed by keyboard/).count()) === 1);
  await until("the engine has it again", async () => (await scene.engine.call("GET", `/conversations/${conversation}`)).status === 200);
});

test("rename by the menu keeps the focus in the field", async () => {
  const chat = await open();
  await answered(chat);
  await tabTo(chat.page, /^button More about/);
  await chat.page.keyboard.press("Enter");
  await chat.page.getByRole("menuitem", { name: "Rename" }).waitFor();
  await chat.page.keyboard.type("R");
  await chat.page.keyboard.press("Enter");
  await expectFocus(chat.page, /Name of the chat/);
  await chat.page.keyboard.press("Control+a");
  await chat.page.keyboard.type("By the menu");
  await chat.page.keyboard.press("Enter");
  await until("the new name", async () => (await chat.listed(/By the menu/).count()) === 1);
});

test("a renaming that is left for the composer leaves the focus there; removing by the menu gives it to the next chat", async () => {
  const chat = await open();
  await answered(chat);
  await chat.page.keyboard.press("Control+Shift+o");
  await expectFocus(chat.page, composer);
  await answered(chat);
  await tabTo(chat.page, /^link .*mock/);
  await chat.page.keyboard.press("F2");
  await expectFocus(chat.page, /Name of the chat/);
  await chat.page.keyboard.type("Left by a press");
  await chat.composer.click();
  await until("the new name", async () => (await chat.listed(/Left by a press/).count()) === 1);
  await chat.page.keyboard.type("on with it");
  expect(await chat.composer.inputValue()).toBe("on with it");

  await tabTo(chat.page, /^button More about Left by a press/);
  await chat.page.keyboard.press("Enter");
  await chat.page.getByRole("menuitem", { name: "Delete" }).press("Enter");
  await until("it is gone", async () => (await chat.listed(/Left by a press/).count()) === 0);
  await expectFocus(chat.page, /^(?!nothing$)/);
});

test("over a narrow page the list has the keyboard: Escape closes it and stops no answer", async () => {
  const chat = await open();
  const valve = new Valve(scene.raw);
  valve.allow(10);
  await typeAndSend(chat, valve.question);
  await chat.waitForWords(10);
  await chat.page.setViewportSize({ width: 390, height: 800 });
  await tabTo(chat.page, /^button Show the list/);
  await chat.page.keyboard.press("Enter");
  await until("the focus is in the list", () => chat.page.evaluate(() => document.activeElement?.closest("aside") !== null));
  await chat.page.keyboard.press("Escape");
  await expectFocus(chat.page, /^button Show the list/);
  valve.finish(20);
  await expectExactWords(scene, chat, valve.key);
});

test("settings: the theme, and back", async () => {
  const chat = await open();
  await tabTo(chat.page, /^link Settings/);
  await chat.page.keyboard.press("Enter");
  await chat.page.waitForURL("**/settings");
  const theme = () => chat.page.evaluate(() => document.documentElement.dataset["theme"] ?? "system");
  await tabTo(chat.page, /^radio As the system/);
  for (let n = 0; n < 3 && (await theme()) !== "dark"; n++) {
    const before = await theme();
    await chat.page.keyboard.press("ArrowRight");
    await until("another theme", async () => (await theme()) !== before);
  }
  expect(await theme()).toBe("dark");
  await chat.page.reload();
  expect(await theme()).toBe("dark");
  await chat.page.keyboard.press("Control+Shift+o");
  await expectFocus(chat.page, composer);
});

test("the help is shown by ? and lists every shortcut; Escape brings the focus back", async () => {
  const chat = await open();
  await tabTo(chat.page, /^button /);
  const before = await focused(chat.page);
  await chat.page.keyboard.press("?");
  const help = chat.page.getByRole("dialog");
  await help.waitFor();
  for (const what of ["New chat", "Send", "Stop the answer", "Rename"]) expect(await help.innerText()).toContain(what);
  await chat.page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await expectFocus(chat.page, new RegExp(before.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")));
});

test("what comes first leads past the list to the conversation", async () => {
  const chat = await open();
  await tabTo(chat.page, /^link Skip to the chat/, "Shift+Tab");
  await chat.page.keyboard.press("Enter");
  await until("the focus is in the main part", () => chat.page.evaluate(() => document.activeElement?.closest("main") !== null));
});

test("the focus stays on the button that steps through versions, and Ctrl+K goes both ways", async () => {
  const chat = await open();
  const first = await answered(chat);
  const again = new Valve(scene.raw);
  again.finish(9);
  await chat.page.keyboard.press("ArrowUp");
  await expectFocus(chat.page, /^textbox Edit question/);
  await chat.page.keyboard.press("Control+a");
  await chat.page.keyboard.insertText(again.question);
  await chat.page.keyboard.press("Control+Enter");
  await until("the new version", async () => (await chat.source(chat.questions.last()).catch(() => "")) === again.question);
  await chat.waitForStatus("completed");
  await tabTo(chat.page, /^button Previous version/);
  await chat.page.keyboard.press("Enter");
  await until("the first version", async () => (await chat.source(chat.questions.last()).catch(() => "")) === first.question);
  await expectFocus(chat.page, /^button Previous version/);

  await chat.openPalette();
  await chat.page.keyboard.press("Control+k");
  await until("it is gone", async () => (await chat.page.getByRole("dialog").count()) === 0);
  await expectFocus(chat.page, /^button Previous version/);
});
