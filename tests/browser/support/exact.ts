// The promise: what a page has of an answer is, byte for byte, what the model sent and the engine keeps.
import { expect } from "vitest";
import type { Chat, Status } from "./chat.ts";
import type { Scene } from "./scene.ts";

/** Of the newest answer that the page shows, once it has ended in this way. */
export async function expectExact(scene: Scene, chat: Chat, key: string, status: Status = "completed"): Promise<string> {
  await chat.waitForStatus(status);
  const id = await chat.answer.getAttribute("data-message-id");
  const kept = await scene.engine.message(await chat.conversationId(), id!);
  // Of this very message, whatever is the newest by now.
  const source = await chat.source(chat.message(id!));
  expect(source).toBe(kept.content);
  expect(kept.status).toBe(status);
  const sent = await (scene.raw ?? scene.model).requests(key);
  const isWhole = (one: { sent_text: string; finished: boolean }) => one.finished && one.sent_text === source;
  const isBeginning = (one: { sent_text: string }) => source !== "" && one.sent_text.startsWith(source);
  if (!sent.some(status === "completed" ? isWhole : isBeginning)) {
    throw new Error(`the model sent no such text for ${key}: ${JSON.stringify(source.slice(-200))}, but ${JSON.stringify(sent.map((one) => one.sent_text.slice(-200)))}`);
  }
  return source;
}

/** The same, and what is shown is that text: REQUIRES words of the mock model, in which markdown finds nothing to do. */
export async function expectExactWords(scene: Scene, chat: Chat, key: string, status: Status = "completed"): Promise<string> {
  const source = await expectExact(scene, chat, key, status);
  expect(await chat.shown()).toBe(source);
  return source;
}
