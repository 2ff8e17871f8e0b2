import type { Outcome } from "@throughline/client";
import { afterEach, expect, test } from "vitest";
import { createFixture } from "../../testing/fixture.ts";
import { problem } from "../../testing/messages.ts";
import { closeToast, showToast, toastList, undoNewest } from "../../ui/toast_store.ts";
import { removeConversation, renameConversation } from "./conversation_actions.ts";

const texts = () => toastList.get().map((toast) => toast.text);
const settled = () => new Promise((resolve) => setTimeout(resolve));
const refused: Outcome = { ok: false, problem: problem("unavailable", "The engine said no.") };

afterEach(() => {
  for (const toast of toastList.get()) closeToast(toast.id);
});

test("what is deleted can be brought back, and then its page is opened again", async () => {
  const client = createFixture();
  let undone = 0;
  removeConversation(client, { id: "a", title: "Trains" }, () => undone++);
  expect(texts()).toEqual(["Deleted “Trains”"]);
  expect(undoNewest()).toBe(true);
  await settled();
  expect(client.calls).toEqual(["remove a", "undo a"]);
  expect(undone).toBe(1);
  expect(texts()).toEqual([]);
});

test("however many are deleted and whatever else is said, each can be brought back for its time", async () => {
  const client = createFixture();
  for (const id of ["a", "b", "c", "d", "e"]) removeConversation(client, { id, title: id });
  for (const text of ["1", "2", "3", "4"]) showToast({ text });
  expect(texts()).toEqual([..."abcde"].map((title) => `Deleted “${title}”`).concat("2", "3", "4"));
  while (undoNewest());
  await settled();
  expect(client.calls.filter((call) => call.startsWith("undo"))).toEqual(
    [..."edcba"].map((id) => `undo ${id}`),
  );
});

test("what could not be brought back is said, and nothing is opened", async () => {
  const client = createFixture();
  let undone = 0;
  client.conversations.remove = () => ({ undo: async () => refused, done: Promise.resolve({ ok: true }) });
  removeConversation(client, { id: "a", title: "Trains" }, () => undone++);
  undoNewest();
  await settled();
  expect(undone).toBe(0);
  expect(texts()).toEqual(["It could not be brought back: The engine said no."]);
});

test("what the engine does not delete is said", async () => {
  const client = createFixture();
  client.conversations.remove = () => ({ undo: async () => refused, done: Promise.resolve(refused) });
  removeConversation(client, { id: "a", title: "x".repeat(60) });
  expect(texts()).toEqual([`Deleted “${"x".repeat(39)}…”`]);
  await settled();
  expect(texts()).toEqual(["The chat was not deleted: The engine said no."]);
});

test("a name that is refused is said", async () => {
  const client = createFixture();
  client.conversations.rename = async () => refused;
  await renameConversation(client, "a", "Boats");
  expect(texts()).toEqual(["The chat keeps its old name: The engine said no."]);
});

test("the shortcut for undoing does nothing else that a notice offers", () => {
  const run = () => expect.unreachable();
  showToast({ text: "A new version is ready", duration: null, action: { text: "Reload", run } });
  expect(undoNewest()).toBe(false);
  expect(texts()).toEqual(["A new version is ready"]);
});
