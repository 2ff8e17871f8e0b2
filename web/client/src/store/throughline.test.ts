import { beforeEach, describe, expect, test } from "vitest";
import { FakeBrowser, type FakeTab, until } from "./testing/browser.ts";
import { FakeEngine } from "./testing/fake_engine.ts";

let engine: FakeEngine;
let browser: FakeBrowser;

beforeEach(() => {
  engine = new FakeEngine();
  browser = new FakeBrowser(engine);
});

async function connected(tab: FakeTab): Promise<FakeTab> {
  await until("the list is there", () => tab.store.conversations.get().loading === "ready");
  return tab;
}

describe("a first answer", () => {
  test("a new conversation is sent, streams and ends, and keeps its keys", async () => {
    const tab = await connected(browser.tab());
    const { conversationId } = tab.store.begin({ content: "Hello?" });
    const conversation = tab.store.conversation(conversationId);
    conversation.open();
    expect(tab.texts(conversationId)).toEqual(["Hello?"]);
    const questionKey = conversation.get().thread[0];
    await until("it has an id", () => !conversation.get().isLocal);
    expect(conversation.get().thread[0]).toBe(questionKey);
    expect(tab.store.conversation(conversation.get().id)).toBe(conversation);
    expect(tab.texts(conversationId)).toEqual(["Hello?", ""]);
    const [taskId = ""] = engine.tasks.keys();
    const answerKey = conversation.get().thread[1] ?? "";
    engine.type(taskId, "Good ", "day");
    expect(conversation.message(answerKey).get()?.content).toBe("Good day");
    expect(conversation.message(answerKey).get()?.live).toBe(true);
    engine.finish(taskId);
    expect(tab.texts(conversationId)).toEqual(["Hello?", "Good day"]);
    expect(tab.statuses(conversationId)).toEqual(["completed", "completed"]);
    expect(conversation.get().runningKey).toBeNull();
    expect(tab.store.conversations.get().items.map((each) => each.title)).toEqual(["Hello?"]);
  });

  test("the change comes before the 202: the question is there once, under its key", async () => {
    const tab = await connected(browser.tab());
    const id = engine.addConversation("Talk");
    const conversation = tab.store.conversation(id);
    conversation.open();
    conversation.send("Question");
    const [key] = conversation.get().thread;
    const seen = new Set<string>();
    await until("it was sent", () => {
      seen.add(JSON.stringify(tab.texts(id)));
      return engine.tasks.size === 1 && browser.engine.replies.size === 1;
    });
    await until("the row is gone", () => tab.store.activity.get().waitingToSend === 0);
    seen.add(JSON.stringify(tab.texts(id)));
    expect([...seen]).toEqual(['["Question"]', '["Question",""]']);
    expect(conversation.get().thread[0]).toBe(key);
  });

  test("stop keeps the text so far", async () => {
    const tab = await connected(browser.tab());
    const id = engine.addConversation("Talk");
    const { task_id } = engine.ask(id, "Question");
    const conversation = tab.store.conversation(id);
    conversation.open();
    engine.type(task_id, "Half");
    await until("it runs", () => conversation.get().runningKey !== null);
    expect(await conversation.stop()).toEqual({ ok: true });
    expect(tab.statuses(id)).toEqual(["completed", "cancelled"]);
    expect(tab.texts(id)).toEqual(["Question", "Half"]);
  });
});
