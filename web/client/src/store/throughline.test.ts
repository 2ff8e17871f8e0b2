import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AnswerEnded } from "./contract.ts";
import { MemoryCache } from "./memory_cache.ts";
import { retry_delay_ms } from "./retries.ts";
import { FakeBrowser, type FakeTab, turn, until } from "./testing/browser.ts";
import { FakeEngine, network } from "./testing/fake_engine.ts";

let engine: FakeEngine;
let browser: FakeBrowser;

beforeEach(() => {
  engine = new FakeEngine();
  browser = new FakeBrowser(engine);
});

afterEach(() => void vi.unstubAllGlobals());

async function connected(tab: FakeTab = browser.tab()): Promise<FakeTab> {
  await until("the list is there", () => tab.store.conversations.get().loading === "ready");
  return tab;
}

/** The cache has everything that was asked of it. */
async function kept(tab: FakeTab): Promise<void> {
  await tab.store.cache.settled();
  await turn();
  await tab.store.cache.settled();
}

async function openedIn(tab: FakeTab, id: string): Promise<void> {
  tab.store.conversation(id).open();
  await until("it is ready", () => tab.store.conversation(id).get().state === "ready");
}

/** A conversation with one answer that runs. */
function running(): { id: string; taskId: string; answerId: string; questionId: string } {
  const id = engine.addConversation("Talk");
  const { task_id, message_id, user_message_id } = engine.ask(id, "Question");
  return { id, taskId: task_id, answerId: message_id, questionId: user_message_id };
}

describe("sending", () => {
  test("a new conversation is sent, streams and ends, and keeps its keys", async () => {
    const tab = await connected();
    const { conversationId } = tab.store.begin({ content: "Hello?" });
    const conversation = tab.store.conversation(conversationId);
    conversation.open();
    expect(tab.texts(conversationId)).toEqual(["Hello?"]);
    expect(tab.store.conversations.get().items.map((each) => each.id)).toEqual([conversationId]);
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

  test.each([false, true])("the question is there once, with the change held back: %s", async (held) => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    const conversation = tab.store.conversation(id);
    engine.holdsChanges = held;
    conversation.send("Question");
    const [key] = conversation.get().thread;
    const seen = new Set<string>();
    const look = () => void seen.add(JSON.stringify([tab.texts(id), conversation.get().thread[0] === key]));
    await until("it was sent", () => {
      look();
      return engine.replies.size === 1 && tab.store.activity.get().waitingToSend === 0;
    });
    look();
    const keys = conversation.get().thread;
    engine.releaseChanges();
    look();
    expect([...seen]).toEqual(['[["Question"],true]', '[["Question",""],true]']);
    expect(conversation.get().thread[0]).toBe(key);
    if (held) expect(conversation.get().thread).toEqual(keys);
  });

  test("a page that is no secure context sends all the same", async () => {
    const { crypto } = globalThis;
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    const tab = await connected();
    const { conversationId } = tab.store.begin({ content: "Hello?" });
    const conversation = tab.store.conversation(conversationId);
    await until("it has an id", () => !conversation.get().isLocal);
    const { message_id } = [...engine.replies.values()][0] ?? {};
    expect(await conversation.regenerate(message_id ?? "")).toEqual({ ok: true });
  });

  test("chunks of an answer whose change has not come yet are shown", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    engine.holdsChanges = true;
    tab.store.conversation(id).send("Question");
    await until("it was sent", () => tab.texts(id).length === 2);
    const [taskId = ""] = engine.tasks.keys();
    engine.type(taskId, "early");
    expect(tab.texts(id)).toEqual(["Question", "early"]);
    engine.sayDone(taskId);
    expect(tab.statuses(id)).toEqual(["completed", "completed"]);
    engine.storeEnd(taskId, "completed");
    engine.releaseChanges();
    expect(tab.texts(id)).toEqual(["Question", "early"]);
  });

  test("a lost reply: sent again with the same key, stored once", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    tab.device.repliesToLose = 1;
    tab.store.conversation(id).send("Once");
    await until("the reply was lost", () => tab.device.repliesToLose === 0);
    await turn();
    browser.clock.advance(60_000);
    await until("nothing waits", () => tab.store.activity.get().waitingToSend === 0);
    expect(tab.device.calls.filter((each) => each.startsWith("post"))).toHaveLength(2);
    expect([...engine.messages.values()].filter((each) => each.role === "user")).toHaveLength(1);
    expect(tab.texts(id)).toEqual(["Once", ""]);
  });

  test("written offline, kept over a reload, sent once when the network is back", async () => {
    const first = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(first, id);
    await kept(first);
    first.goOffline();
    first.store.conversation(id).send("Later");
    first.store.conversation(id).send("And this");
    expect(first.statuses(id)).toEqual(["waiting", "waiting"]);
    expect(first.store.activity.get().waitingToSend).toBe(2);
    await kept(first);
    first.kill();

    const second = browser.tab((tab) => {
      tab.device.online = false;
    });
    await until("it is shown again", () => second.texts(id).length === 2);
    expect(second.statuses(id)).toEqual(["waiting", "waiting"]);
    second.goOnline();
    await until("it is sent", () => engine.replies.size === 2);
    await until("nothing waits", () => second.store.activity.get().waitingToSend === 0);
    const questions = [...engine.messages.values()].filter((each) => each.role === "user");
    expect(questions.map((each) => each.content)).toEqual(["Later", "And this"]);
  });

  test("a new conversation begins with its system prompt, also offline, over a reload and a lost reply", async () => {
    const first = await connected();
    first.goOffline();
    const draft = { content: "Hello?", model: "demo", systemPrompt: "Be brief." };
    const { conversationId } = first.store.begin(draft);
    expect(first.store.conversation(conversationId).get().systemPrompt).toBe("Be brief.");
    await kept(first);
    first.kill();
    const second = browser.tab((tab) => {
      tab.device.online = false;
      tab.device.repliesToLose = 1;
    });
    await until("it is kept", () => second.store.activity.get().waitingToSend === 1);
    const { systemPrompt, isLocal } = second.store.conversation(conversationId).get();
    expect({ systemPrompt, isLocal }).toEqual({ systemPrompt: "Be brief.", isLocal: true });
    second.goOnline();
    await until("the reply was lost", () => second.device.repliesToLose === 0);
    await turn();
    browser.clock.advance(60_000);
    await until("nothing waits", () => second.store.activity.get().waitingToSend === 0);
    const made = [...engine.conversations.values()];
    expect(made.map((each) => each.system_prompt)).toEqual(["Be brief."]);
    await until("it has an id", () => second.store.conversation(conversationId).get().id === made[0]?.id);
    expect(second.store.conversation(conversationId).get().systemPrompt).toBe("Be brief.");
    const [kept_row] = await second.store.cache.outbox();
    expect(JSON.stringify(kept_row)).not.toContain("Be brief.");
  });

  test("what began a conversation, was refused and went back to the draft, begins it when it is sent again", async () => {
    const tab = await connected();
    tab.device.problems = [{ ...network, code: "payload_too_large", status: 413, title: "Too long" }];
    const { conversationId } = tab.store.begin({ content: "Hello", systemPrompt: "Be brief." });
    const conversation = tab.store.conversation(conversationId);
    await until("refused", () => tab.statuses(conversationId)[0] === "unsent");
    conversation.open();
    conversation.discard(conversation.get().thread[0] ?? "");
    await turn();
    expect(conversation.get().state).toBe("ready");
    expect(tab.store.drafts.get(conversationId)).toBe("Hello");
    expect(conversation.get().systemPrompt).toBe("Be brief.");
    conversation.send("Hello!");
    await until("it has an id", () => !conversation.get().isLocal);
    expect(tab.texts(conversationId)).toEqual(["Hello!", ""]);
    expect([...engine.conversations.values()].map((each) => each.system_prompt)).toEqual(["Be brief."]);
  });

  test("a chat that was not sent yet is deleted, brought back, and sent once", async () => {
    const tab = await connected();
    tab.goOffline();
    const { conversationId } = tab.store.begin({ content: "First" });
    tab.store.conversation(conversationId).send("Second");
    await kept(tab);
    const { undo, done } = tab.store.conversations.remove(conversationId);
    expect(await done).toEqual({ ok: true });
    expect(tab.store.conversations.get().items).toEqual([]);
    expect(tab.store.activity.get().waitingToSend).toBe(0);
    expect(await undo()).toEqual({ ok: true });
    expect(tab.texts(conversationId)).toEqual(["First", "Second"]);
    await kept(tab);
    tab.goOnline();
    await until("nothing waits", () => tab.store.activity.get().waitingToSend === 0);
    const questions = [...engine.messages.values()].filter((each) => each.role === "user");
    expect(questions.map((each) => each.content)).toEqual(["First", "Second"]);
  });

  test("what is about to be sent is not thrown away any more", async () => {
    const tab = await connected();
    tab.goOffline();
    const { conversationId } = tab.store.begin({ content: "First" });
    await kept(tab);
    const noted = Promise.withResolvers<void>();
    const cache = [...browser.caches.values()][0] as MemoryCache;
    const put = cache.putOutbox.bind(cache);
    const putting = vi
      .spyOn(cache, "putOutbox")
      .mockImplementation((row) => noted.promise.then(() => put(row)));
    tab.goOnline();
    await until("that it is tried is being noted", () => putting.mock.calls.length === 1);
    const { done } = tab.store.conversations.remove(conversationId);
    expect(await done).toMatchObject({ ok: false, problem: { code: "conflict" } });
    noted.resolve();
    await until("it has an id", () => !tab.store.conversation(conversationId).get().isLocal);
  });

  test("a chat that is just being sent says that it is not deleted", async () => {
    const tab = await connected();
    const network = Promise.withResolvers<void>();
    const { begin } = tab.device.engine;
    vi.spyOn(tab.device.engine, "begin").mockImplementation((...post) =>
      network.promise.then(() => begin(...post)),
    );
    const { conversationId } = tab.store.begin({ content: "First" });
    await until("it is on its way", () => tab.statuses(conversationId)[0] === "sending");
    const { done } = tab.store.conversations.remove(conversationId);
    expect(await done).toMatchObject({ ok: false, problem: { code: "conflict" } });
    network.resolve();
    await until("it has an id", () => !tab.store.conversation(conversationId).get().isLocal);
    expect(tab.store.conversations.get().items).toHaveLength(1);
  });

  test("two tabs: a message is sent by one of them, and both show it once", async () => {
    const one = await connected();
    const two = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
      }),
    );
    const id = engine.addConversation("Talk");
    await openedIn(one, id);
    await openedIn(two, id);
    one.goOffline();
    two.goOffline();
    one.store.conversation(id).send("Mine");
    await until("the other shows it", () => two.texts(id).length === 1);
    one.goOnline();
    two.goOnline();
    await until("nothing waits", () => {
      return one.store.activity.get().waitingToSend + two.store.activity.get().waitingToSend === 0;
    });
    expect([...one.device.calls, ...two.device.calls].filter((each) => each.startsWith("post"))).toHaveLength(
      1,
    );
    expect(one.texts(id)).toEqual(["Mine", ""]);
    expect(two.texts(id)).toEqual(["Mine", ""]);
  });

  test("two tabs: the other one sends what begins a conversation, and the page that shows it gets its id", async () => {
    const one = await connected();
    const two = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
      }),
    );
    one.goOffline();
    two.goOffline();
    const { conversationId } = one.store.begin({ content: "Mine" });
    await openedIn(one, conversationId);
    await until("the other keeps it too", () => two.store.activity.get().waitingToSend === 1);
    two.goOnline();
    await until("the engine's id", () => !one.store.conversation(conversationId).get().isLocal);
    const { id, state } = one.store.conversation(conversationId).get();
    one.goOnline();
    await until("both show it", () => one.texts(id).length === 2 && two.texts(id).length === 2);
    expect(state).toBe("ready");
    expect(
      [...one.device.calls, ...two.device.calls].filter((each) => each.startsWith("begin")),
    ).toHaveLength(1);
  });

  test("what is written while another tab's change is read stays, behind what waited before", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    tab.goOffline();
    tab.store.conversation(id).send("First");
    await kept(tab);
    const message = { owner: tab.store.identity.owner, message: { kind: "outbox_changed" } };
    for (const hear of browser.channels.get("throughline-store") ?? []) hear(message);
    tab.store.conversation(id).send("Second");
    await kept(tab);
    expect(tab.texts(id)).toEqual(["First", "Second"]);
    tab.kill();
    browser.clock.advance(-3_600_000);
    const later = browser.tab((next) => next.device.disconnect());
    later.store.conversation(id).open();
    await until("both wait", () => later.store.activity.get().waitingToSend === 2);
    later.store.conversation(id).send("Third");
    expect(later.texts(id)).toEqual(["First", "Second", "Third"]);
  });

  test("refused: unsent with the problem; discarded, its text is the draft; sent again, it goes", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    const conversation = tab.store.conversation(id);
    const refusal = { ...network, code: "unprocessable", status: 422, title: "No" };
    tab.device.problems = [refusal, refusal];
    conversation.send("Bad");
    await until("refused", () => tab.statuses(id)[0] === "unsent");
    const [key = ""] = conversation.get().thread;
    expect(conversation.message(key).get()?.problem?.title).toBe("No");
    conversation.resend(key);
    await until("refused again", () => tab.device.problems.length === 0 && tab.statuses(id)[0] === "unsent");
    conversation.discard(key);
    expect(conversation.get().thread).toEqual([]);
    expect(tab.store.drafts.get(id)).toBe("Bad");
    conversation.send("Good");
    await until("sent", () => tab.texts(id).length === 2);
  });

  test.each([
    ["the engine has it", 1],
    ["it never arrived", 0],
  ])("on its way a day ago without a reply, %s: not sent twice, and not lost", async (_, stored) => {
    const first = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(first, id);
    if (stored === 1) first.device.repliesToLose = 1;
    else first.device.problems = [network];
    first.store.conversation(id).send("Once?");
    await until("it was tried", () => first.device.repliesToLose + first.device.problems.length === 0);
    await kept(first);
    first.kill();
    engine.replies.clear();
    browser.clock.advance(25 * 3_600_000);
    const second = await connected();
    await until("nothing waits", () => second.store.activity.get().waitingToSend === 0);
    await openedIn(second, id);
    await until("it is shown", () => second.texts(id).includes("Once?"));
    expect(second.texts(id).filter((each) => each === "Once?")).toHaveLength(1);
    const [key = ""] = second.store.conversation(id).get().thread;
    const { problem } = second.store.conversation(id).message(key).get() ?? {};
    expect(problem?.code ?? null).toBe(stored === 1 ? null : "tried_long_ago");
    expect(engine.replies.size).toBe(0);
  });

  test("the page of a network that wants a login is no refusal", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    tab.device.problems = [{ ...network, code: "unexpected_reply", status: 200 }];
    tab.store.conversation(id).send("Patience");
    await until("told", () => tab.device.problems.length === 0 && tab.statuses(id)[0] === "waiting");
    await turn();
    browser.clock.advance(3_000);
    await until("sent", () => engine.replies.size === 1);
  });

  test("an engine on this machine is asked though the network is gone", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    tab.environment.isOnline = () => false;
    tab.happens("offline");
    tab.store.conversation(id).send("Hello?");
    await until("sent", () => engine.replies.size === 1);
  });

  test("an edit that another tab has sent, or that is thrown away, is settled", async () => {
    const tab = await connected();
    const { id, questionId } = running();
    await openedIn(tab, id);
    tab.device.problems = [{ ...network, code: "overloaded", status: 503, retry_after_ms: 60_000 }];
    tab.store.conversation(id).send("In front");
    await until("it waits", () => tab.device.problems.length === 0);
    const edited = tab.store.conversation(id).edit(questionId, "Other words");
    const key = tab.store.conversation(id).get().thread.at(-1) ?? "";
    tab.store.conversation(id).discard(key);
    expect(await edited).toEqual({ ok: true });
  });

  test("busy: waits for as long as Retry-After says", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    await openedIn(tab, id);
    tab.device.problems = [{ ...network, code: "overloaded", status: 503, retry_after_ms: 7_000 }];
    tab.store.conversation(id).send("Patience");
    await until("told to wait", () => tab.device.problems.length === 0 && tab.statuses(id)[0] === "waiting");
    await turn();
    browser.clock.advance(6_999);
    await turn();
    expect(engine.replies.size).toBe(0);
    browser.clock.advance(1_000);
    await until("sent", () => engine.replies.size === 1);
  });
});

describe("streaming", () => {
  test.each(["done first", "change first"])("%s: the text is never empty or doubled", async (order) => {
    const tab = await connected();
    const { id, taskId } = running();
    await openedIn(tab, id);
    const seen: string[] = [];
    const look = () => void seen.push(`${tab.texts(id)[1]} ${tab.statuses(id)[1]}`);
    engine.type(taskId, "all of it");
    look();
    if (order === "done first") engine.sayDone(taskId);
    else engine.storeEnd(taskId, "completed");
    look();
    if (order === "done first") engine.storeEnd(taskId, "completed");
    else engine.sayDone(taskId);
    look();
    expect(seen).toEqual(["all of it generating", "all of it completed", "all of it completed"]);
    expect(tab.store.activity.get().running).toEqual([]);
    expect(tab.store.conversations.get().items[0]?.running).toBe(false);
  });

  test("a restart says so and begins the text again", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "first try");
    engine.restart(taskId, "worker_lost");
    engine.type(taskId, "second");
    const key = tab.store.conversation(id).get().thread[1] ?? "";
    const view = tab.store.conversation(id).message(key).get();
    expect(view).toMatchObject({ content: "second", attempt: 2, position: "2-1" });
    expect(view?.restart).toBe("worker_lost");
    expect(tab.store.connection.get().history.map((each) => each.kind)).toContain("restarted");
  });

  test("a chunk changes one message, and watchers hear of many chunks once", async () => {
    const tab = await connected();
    const { id, taskId, answerId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "a");
    tab.frame();
    const conversation = tab.store.conversation(id);
    const [question = ""] = conversation.get().thread;
    const before = conversation.message(question).get();
    const view = conversation.get();
    const told = { thread: 0, question: 0, answer: 0 };
    conversation.subscribe(() => void told.thread++);
    conversation.message(question).subscribe(() => void told.question++);
    conversation.message(answerId).subscribe(() => void told.answer++);
    for (let index = 0; index < 100; index++) engine.type(taskId, "b");
    tab.frame();
    expect(told).toEqual({ thread: 0, question: 0, answer: 1 });
    expect(conversation.get()).toBe(view);
    expect(conversation.message(question).get()).toBe(before);
    expect(conversation.message(answerId).get()?.content).toHaveLength(101);
  });

  test("a follower that opens in the middle reads what it missed, of that stream alone", async () => {
    const leader = await connected();
    const { id, taskId } = running();
    running();
    engine.type(taskId, "what was ", "before ");
    const follower = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
        tab.device.dropsChunks = true;
      }),
    );
    follower.device.dropsChunks = false;
    await openedIn(follower, id);
    engine.type(taskId, "and after");
    await until("it has all", () => follower.texts(id)[1] === "what was before and after");
    expect(new Set(follower.device.calls.filter((each) => each.startsWith("stream")))).toEqual(
      new Set([`stream ${taskId}`]),
    );
    leader.kill();
  });

  test("a follower whose cache knows nothing reads the list itself, and nothing of it is new", async () => {
    browser.openCache = async () => new MemoryCache();
    const leader = await connected();
    const { id, taskId } = running();
    const past = running();
    engine.type(past.taskId, "long ago");
    engine.finish(past.taskId);
    const follower = browser.tab((tab) => {
      tab.device.role = "follower";
    });
    const list = () => follower.store.conversations.get();
    await until("the list is there", () => list().items.length === 2 && list().loading === "ready");
    expect(list().items.map((each) => each.unread)).toEqual([0, 0]);
    await until("it runs", () => follower.store.activity.get().running.length === 1);
    expect(follower.store.activity.get().running[0]?.conversationId).toBe(id);
    engine.type(taskId, "and now");
    engine.finish(taskId);
    await until("it has ended", () => follower.store.activity.get().unreadTotal === 1);
    leader.kill();
  });

  test("what ran already when the page came is running", async () => {
    const first = await connected();
    const { id, taskId, answerId } = running();
    const other = running();
    await kept(first);
    first.kill();
    const second = await connected();
    await until("both", () => second.store.activity.get().running.length === 2);
    const entry = { conversationId: id, messageId: answerId, taskId, startedAt: null };
    expect(second.store.activity.get().running).toContainEqual(entry);
    engine.finish(taskId);
    expect(second.store.activity.get().running.map((each) => each.taskId)).toEqual([other.taskId]);
  });

  test("a follower that opens a stalled answer of its cache reads what there is", async () => {
    const leader = await connected();
    const { id, taskId } = running();
    await kept(leader);
    engine.type(taskId, "so far");
    const follower = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
        tab.device.dropsChunks = true;
      }),
    );
    await openedIn(follower, id);
    await until("it is there", () => follower.texts(id)[1] === "so far");
  });

  test("a reload in the middle goes on from the kept position, at every cut", async () => {
    const pieces = ["Hel", "lo ", "wör", "ld ", "🌍", "!"];
    for (let cut = 0; cut <= pieces.length; cut++) {
      engine = new FakeEngine();
      browser = new FakeBrowser(engine);
      const { id, taskId } = running();
      const first = await connected();
      await openedIn(first, id);
      for (const piece of pieces.slice(0, cut)) {
        engine.type(taskId, piece);
        browser.clock.advance(100);
      }
      await kept(first);
      const owner = [...browser.caches.values()][0];
      const [row] = (await owner?.load())?.streams ?? [];
      const all = pieces.join("");
      expect(all.startsWith(row?.content ?? "")).toBe(true);
      if (row?.position) expect(row.content).toBe(pieces.slice(0, row.position.index + 1).join(""));
      first.kill();

      engine.type(taskId, ...pieces.slice(cut));
      const second = browser.tab();
      await until("it connects", () => second.device.options.size > 0);
      if (row?.position) expect(second.device.begun?.cursors.get(taskId)).toEqual(row.position);
      await openedIn(second, id);
      await until(`all is there after ${cut}`, () => second.texts(id)[1] === all);
      engine.finish(taskId);
      expect(second.texts(id)[1]).toBe(all);
      await kept(second);
      expect((await owner?.load())?.streams).toEqual([]);
    }
  });

  test("texts are written rarely while they grow, at once when the page is hidden and when they end", async () => {
    const tab = await connected();
    const { taskId } = running();
    await kept(tab);
    const cache = [...browser.caches.values()][0];
    const content = async () => (await cache?.load())?.streams[0]?.content;
    engine.type(taskId, "one");
    await kept(tab);
    expect(await content()).toBeUndefined();
    browser.clock.advance(251);
    await kept(tab);
    expect(await content()).toBe("one");
    engine.type(taskId, " two");
    tab.visible = false;
    tab.happens("hidden");
    await kept(tab);
    expect(await content()).toBe("one two");
    engine.type(taskId, " three");
    engine.sayDone(taskId);
    await kept(tab);
    expect(await content()).toBe("one two three");
  });

  test("follow: pieces in order, the whole at the end, and nothing after it was let go", async () => {
    const tab = await connected();
    const { id, taskId, answerId } = running();
    const other = running();
    engine.type(taskId, "be");
    const heard: unknown[] = [];
    tab.store.follow({
      sessionId: id,
      messageId: answerId,
      onChunk: (content, index) => heard.push([content, index]),
      onComplete: (whole, meta) => heard.push([whole, meta.status]),
    });
    const end = tab.store.follow({
      sessionId: other.id,
      messageId: other.answerId,
      onChunk: () => heard.push("other"),
    });
    end();
    await until("it has heard", () => heard.length === 1);
    engine.type(taskId, "gin");
    engine.type(other.taskId, "not heard");
    engine.type(taskId, " and end");
    engine.finish(taskId);
    expect(heard).toEqual([
      ["be", 0],
      ["gin", 1],
      [" and end", 2],
      ["begin and end", "completed"],
    ]);
  });

  test("follow: a long answer costs no more per piece than a short one", async () => {
    const tab = await connected();
    const { id, taskId, answerId } = running();
    let length = 0;
    tab.store.follow({ sessionId: id, messageId: answerId, onChunk: (piece) => (length += piece.length) });
    await openedIn(tab, id);
    const piece = "x".repeat(64);
    const compared = vi.spyOn(String.prototype, "startsWith");
    for (let count = 0; count < 2_000; count += 1) engine.type(taskId, piece);
    expect(compared.mock.contexts.some((text) => String(text).length > 10_000)).toBe(false);
    compared.mockRestore();
    expect(length).toBe(2_000 * piece.length);
  });

  test("follow: begun offline it waits, finds what is far back, and says what is not there", async () => {
    const id = engine.addConversation("Talk");
    const first = engine.ask(id, "First");
    engine.finish(first.task_id);
    for (let count = 0; count < 120; count += 1) engine.finish(engine.ask(id, "More").task_id);
    const tab = browser.tab((next) => next.device.disconnect());
    const heard: string[] = [];
    const follow = (messageId: string) =>
      tab.store.follow({
        sessionId: id,
        messageId,
        onComplete: (_, meta) => void heard.push(meta.status),
        onError: (error) => void heard.push(error.code),
      });
    follow(first.message_id);
    follow("nobody");
    await turn();
    expect(heard).toEqual([]);
    tab.goOnline();
    tab.store.reconnect();
    await until("both", () => {
      tab.frame();
      return heard.length === 2;
    });
    expect(heard.sort()).toEqual(["completed", "not_found"]);
  });

  test("a callback that throws breaks nothing", async () => {
    const reported = vi.spyOn(console, "error").mockImplementation(() => {});
    const tab = await connected();
    const { id, taskId, answerId } = running();
    await openedIn(tab, id);
    const whole: string[] = [];
    const wrong = () => {
      throw new Error("of somebody else");
    };
    tab.store.follow({ sessionId: id, messageId: answerId, onChunk: wrong, onComplete: wrong });
    tab.store.follow({ sessionId: id, messageId: answerId, onComplete: (text) => void whole.push(text) });
    tab.store.onAnswerEnded(wrong);
    await turn();
    engine.type(taskId, "all ", "of it");
    engine.finish(taskId);
    expect(whole).toEqual(["all of it"]);
    expect(tab.texts(id)[1]).toBe("all of it");
    expect(reported).toHaveBeenCalled();
    reported.mockRestore();
  });

  test("the text of an answer goes with its conversation", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "half");
    engine.remove(id);
    tab.goOffline();
    tab.goOnline();
    await until("connected", () => tab.store.connection.get().state.kind === "connected");
    expect(tab.device.begun?.cursors.size).toBe(0);
  });

  test("stop keeps the text so far", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "Half");
    expect(await tab.store.conversation(id).stop()).toEqual({ ok: true });
    expect(tab.statuses(id)).toEqual(["completed", "cancelled"]);
    expect(tab.texts(id)).toEqual(["Question", "Half"]);
  });
});

describe("branches", () => {
  test("regenerate and edit make versions one can step through, and posts follow what is shown", async () => {
    const tab = await connected();
    const { id, taskId, answerId, questionId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "First");
    engine.finish(taskId);
    const conversation = tab.store.conversation(id);
    expect(await conversation.regenerate(answerId)).toEqual({ ok: true });
    await until("another answer", () => conversation.get().thread[1] !== answerId);
    const second = conversation.get().thread[1] ?? "";
    expect(conversation.message(second).get()?.branch).toEqual({ index: 1, count: 2 });
    engine.finish([...engine.tasks.keys()].at(-1) ?? "");
    conversation.switchBranch(second, -1);
    expect(conversation.get().thread).toEqual([questionId, answerId]);
    conversation.send("On the first");
    await until("it follows the first", () => tab.texts(id).length === 4);
    const question = [...engine.messages.values()].find((each) => each.content === "On the first");
    expect(question?.parent_id).toBe(answerId);

    const edited = conversation.edit(questionId, "Better question");
    expect(tab.texts(id)).toEqual(["Better question"]);
    const [editKey = ""] = conversation.get().thread;
    expect(conversation.message(editKey).get()?.branch).toEqual({ index: 1, count: 2 });
    expect(await edited).toEqual({ ok: true });
    await until("an answer is waited for", () => tab.texts(id).length === 2);
    expect(conversation.get().thread[0]).toBe(editKey);
    conversation.switchBranch(editKey, -1);
    expect(tab.texts(id)[0]).toBe("Question");
  });

  test("who steps away while another answer is asked for stays there", async () => {
    const tab = await connected();
    const { id, taskId, answerId, questionId } = running();
    engine.finish(taskId);
    engine.finish(engine.answerAgain(questionId).task_id);
    await openedIn(tab, id);
    const conversation = tab.store.conversation(id);
    const second = conversation.get().thread[1] ?? "";
    const asked = conversation.regenerate(second);
    conversation.switchBranch(second, -1);
    expect(await asked).toEqual({ ok: true });
    await until("the third is here", () => conversation.message(answerId).get()?.branch.count === 3);
    expect(conversation.get().thread).toEqual([questionId, answerId]);
  });

  test("the chosen branch outlives the page", async () => {
    const first = await connected();
    const { id, taskId, answerId, questionId } = running();
    engine.finish(taskId);
    engine.finish(engine.answerAgain(questionId).task_id);
    await openedIn(first, id);
    const shown = first.store.conversation(id).get().thread[1] ?? "";
    expect(shown).not.toBe(answerId);
    first.store.conversation(id).switchBranch(shown, -1);
    await kept(first);
    first.kill();
    const second = await connected();
    await openedIn(second, id);
    expect(second.store.conversation(id).get().thread[1]).toBe(answerId);
  });
});

describe("agreeing with the engine", () => {
  test("what changed elsewhere appears, questions included, and what is unknown is missing", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    await openedIn(tab, id);
    engine.finish(taskId);
    tab.goOffline();
    engine.ask(id, "From my phone");
    tab.goOnline();
    await until("it is here", () => tab.texts(id).includes("From my phone"));
    tab.store.conversation("nobody").open();
    await until("missing", () => tab.store.conversation("nobody").get().state === "missing");
  });

  test("what could not be read although all else is well is read again when that is asked for", async () => {
    const { id, taskId } = running();
    engine.finish(taskId);
    const tab = await connected();
    tab.device.problems = [{ ...network, code: "internal", status: 500 }];
    const conversation = tab.store.conversation(id);
    conversation.open();
    await until("it says so", () => typeof conversation.get().state === "object");
    tab.store.reconnect();
    await until("it is there", () => conversation.get().state === "ready");
    expect(tab.texts(id)).toContain("Question");
  });

  test("a gap in the revs is asked for", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    engine.devices.delete(tab.device);
    engine.change(id, { title: "Missed" });
    engine.devices.add(tab.device);
    const other = engine.addConversation("Heard");
    await until("both", () => {
      const titles = tab.store.conversations.get().items.map((each) => each.title);
      return titles.includes("Missed") && titles.includes("Heard");
    });
    expect(tab.device.calls).toContain("changes");
    expect(other).not.toBe(id);
  });

  test("a gap that cannot be filled now is not forgotten", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    engine.devices.delete(tab.device);
    engine.change(id, { title: "Missed" });
    engine.devices.add(tab.device);
    tab.device.problems = [{ ...network, code: "unavailable", status: 503, retry_after_ms: 2_000 }];
    const titles = () => tab.store.conversations.get().items.map((each) => each.title);
    engine.addConversation("Heard");
    await until("it was refused", () => tab.device.problems.length === 0);
    await turn();
    expect(titles()).not.toContain("Missed");
    engine.addConversation("Heard later");
    browser.clock.advance(3_000);
    await until("all", () => titles().length === 3);
    expect(titles()).toEqual(["Heard later", "Heard", "Missed"]);
    expect(tab.store.connection.get().rev).toBe(engine.rev);
  });

  test("a snapshot forgets what is not in it, except what waits to be sent", async () => {
    const first = await connected();
    const { id } = running();
    await openedIn(first, id);
    await kept(first);
    first.goOffline();
    first.store.conversation(id).send("Waits");
    await kept(first);
    first.kill();
    // The engine was set back to a time before all that.
    const older = new FakeEngine();
    older.id("of another conversation");
    const otherId = older.addConversation("Older");
    older.rev = 0;
    engine = older;
    const inBrowser = Object.assign(new FakeBrowser(older), { caches: browser.caches, texts: browser.texts });
    const second = inBrowser.tab();
    await until("the snapshot is here", () =>
      second.store.conversations.get().items.some((each) => each.id === otherId),
    );
    expect(second.store.conversations.get().items.map((each) => each.title)).toEqual(["Older"]);
    await kept(second);
    const cache = [...browser.caches.values()][0];
    const cached = await cache?.load();
    expect(cached?.sessions.map((each) => each.title)).toEqual(["Older"]);
    expect(cached?.outbox.map((each) => each.content)).toEqual(["Waits"]);
    expect(await cache?.messagesOf(id)).toEqual([]);
  });

  test("a page that was asked for before a snapshot says nothing after it", async () => {
    const { id, taskId } = running();
    const tab = await connected();
    const read = tab.device.engine.messages;
    const late = Promise.withResolvers<void>();
    let pages = 0;
    Object.assign(tab.device.engine, {
      messages: async (...about: Parameters<typeof read>) => {
        const reply = await read(...about);
        pages += 1;
        if (pages === 1) await late.promise;
        return reply;
      },
    });
    const store = tab.store.conversation(id);
    store.open();
    await until("the page is on its way", () => pages === 1);
    engine.type(taskId, "The answer");
    engine.holdsChanges = true;
    engine.finish(taskId);
    const changes = engine.snapshot();
    for (const { onEvent } of tab.device.options)
      onEvent({ kind: "changes", changes, rev: engine.rev, from: null });
    late.resolve();
    const answer = () => store.message(store.get().thread.at(-1) ?? "").get();
    await until("the answer has ended", () => answer()?.status === "completed");
    expect(answer()?.content).toBe("The answer");
  });

  test("offline, everything cached is there; what is not says so", async () => {
    const first = await connected();
    const { id, taskId } = running();
    engine.type(taskId, "The answer");
    engine.finish(taskId);
    const unread = engine.addConversation("Only a title");
    engine.finish(engine.ask(unread, "?").task_id);
    await openedIn(first, id);
    await kept(first);
    first.kill();
    const cache = [...browser.caches.values()][0];
    await cache?.forgetMessages([unread]);

    const second = browser.tab((tab) => {
      tab.device.online = false;
    });
    second.store.conversation(id).open();
    await until("it is there", () => second.texts(id).length === 2);
    expect(second.texts(id)).toEqual(["Question", "The answer"]);
    expect(second.store.identity.get()).toMatchObject({ kind: "known", confirmed: false });
    second.store.conversation(unread).open();
    await until("it says so", () => second.store.conversation(unread).get().state === "unavailable_offline");
    const found = await second.store.search("answ");
    expect(found.from).toBe("cache");
    expect(found.hits.map((each) => each.conversationId)).toEqual([id]);
    second.goOnline();
    await until("it is read", () => second.texts(unread).length === 2);
  });

  test("what was tidied away and is active again is kept in full again", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    engine.finish(taskId);
    await openedIn(tab, id);
    await kept(tab);
    const cache = [...browser.caches.values()][0];
    for (let index = 0; index < 55; index++) engine.addConversation(`Newer ${index}`);
    await tab.rest();
    await kept(tab);
    expect(await cache?.messagesOf(id)).toEqual([]);
    const before = tab.store.conversations.get().items.find((each) => each.id === id)?.cached;
    expect(before).toBe(false);
    engine.finish(engine.ask(id, "More").task_id);
    await kept(tab);
    expect(tab.store.conversations.get().items.find((each) => each.id === id)?.cached).toBe(true);
    expect(await cache?.messagesOf(id)).toHaveLength(4);
  });

  test("a long conversation comes page by page, newest first", async () => {
    const id = engine.addConversation("Long");
    for (let index = 0; index < 60; index++) engine.finish(engine.ask(id, `Question ${index}`).task_id);
    const tab = await connected();
    await openedIn(tab, id);
    const conversation = tab.store.conversation(id);
    expect(conversation.get().thread).toHaveLength(50);
    expect(conversation.get().olderAvailable).toBe(true);
    expect(tab.texts(id).at(-2)).toBe("Question 59");
    await conversation.loadOlder();
    await conversation.loadOlder();
    expect(conversation.get().thread).toHaveLength(120);
    expect(conversation.get().olderAvailable).toBe(false);
    expect(tab.store.conversations.get().items[0]?.cached).toBe(true);
  });

  test("when idle, likely conversations and all titles are brought, and the oldest texts go", async () => {
    for (let index = 0; index < 60; index++) {
      const id = engine.addConversation(`Conversation ${String(index).padStart(2, "0")}`);
      engine.finish(engine.ask(id, "?").task_id);
    }
    const tab = await connected();
    expect(tab.store.conversations.get().items).toHaveLength(50);
    await tab.rest();
    const { items, hasMore } = tab.store.conversations.get();
    expect(items).toHaveLength(60);
    expect(hasMore).toBe(false);
    expect(items.filter((each) => each.cached)).toHaveLength(50);
    const oldest = items.at(-1)?.id ?? "";
    await openedIn(tab, oldest);
    expect(tab.store.conversations.get().items.filter((each) => each.cached)).toHaveLength(51);
    engine.addConversation("newer");
    await tab.rest();
    expect((await tab.store.data.usage()).inFull).toBeLessThanOrEqual(50);
  });
});

describe("who is asking", () => {
  test("another principal sees nothing of the one before, and nothing is mixed", async () => {
    const first = await connected();
    const { id } = running();
    await openedIn(first, id);
    await kept(first);
    first.kill();
    engine = new FakeEngine();
    engine.me = { ...engine.me, principal: "somebody else" };
    const next = Object.assign(new FakeBrowser(engine), { caches: browser.caches, texts: browser.texts });
    const second = await connected(
      next.tab((tab) => {
        tab.store.conversation(id).open();
      }),
    );
    await until("confirmed", () => {
      const identity = second.store.identity.get();
      return identity.kind === "known" && identity.me.principal === "somebody else";
    });
    await until("missing", () => second.store.conversation(id).get().state === "missing");
    expect(second.store.conversations.get().items).toEqual([]);
    expect(browser.caches.size).toBe(2);
  });

  test("a page that is shown while its cache is read goes on from what is kept", async () => {
    const first = await connected();
    running();
    await until("it is here", () => first.store.conversations.get().items.length === 1);
    await kept(first);
    first.kill();
    const opened = Promise.withResolvers<void>();
    const { openCache } = browser;
    browser.openCache = (owner) => opened.promise.then(() => openCache(owner));
    const second = browser.tab();
    second.happens("shown");
    await turn();
    expect(second.device.options.size).toBe(0);
    opened.resolve();
    await connected(second);
    expect(second.device.begun?.since).toBe(engine.rev);
    expect(second.device.calls.filter((name) => name === "me")).toEqual(["me"]);
    expect(second.store.conversations.get().items).toHaveLength(1);
  });

  test("the beginning of the list is there before the cache, for its owner alone, and goes with them", async () => {
    const first = await connected();
    for (let number = 0; number < 50; number += 1) engine.addConversation(`Chat ${number}`);
    await until("they are here", () => first.store.conversations.get().items.length === 50);
    await first.rest();
    await kept(first);
    const { items } = first.store.conversations.get();
    const opened = Promise.withResolvers<void>();
    const { openCache } = browser;
    browser.openCache = (owner) => opened.promise.then(() => openCache(owner));
    const second = browser.tab();
    expect(second.store.conversations.get()).toEqual({
      loading: "cache",
      items: items.slice(0, 40),
      hasMore: false,
    });
    const early = second.store.conversations.get().items;
    opened.resolve();
    await connected(second);
    expect(second.store.conversations.get().items.slice(0, 40)).toEqual(early);
    expect(second.store.conversations.get().items[0]).toBe(early[0]);
    browser.openCache = openCache;
    engine.me = { ...engine.me, principal: "somebody else" };
    const third = browser.tab((tab) => {
      browser.texts.set("throughline:me:", JSON.stringify(engine.me));
      tab.device.online = false;
    });
    expect(third.store.conversations.get().items).toEqual([]);
    for (const options of [...second.device.options]) options.onEvent({ kind: "signed_out" });
    expect(browser.texts.get("throughline:list:")).toBeNull();
  });

  test("a list that does not fit into the storage leaves none of before there", async () => {
    const tab = await connected();
    const id = engine.addConversation("Chat");
    await until("it is here", () => tab.store.conversations.get().items.length === 1);
    await tab.rest();
    expect(browser.texts.get("throughline:list:")).toContain("Chat");
    const set = browser.texts.set.bind(browser.texts);
    vi.spyOn(browser.texts, "set").mockImplementation((name, text) => text === null && set(name, text));
    await tab.store.conversations.remove(id).done;
    tab.store.conversations.get();
    await tab.rest();
    expect(browser.texts.get("throughline:list:")).toBeNull();
  });

  test("another one than was remembered: the list of the one before is gone before the cache is there", async () => {
    const first = await connected();
    engine.addConversation("Mine");
    await until("it is here", () => first.store.conversations.get().items.length === 1);
    await first.rest();
    const { me } = engine;
    engine.me = { ...me, principal: "somebody else" };
    browser.openCache = () => new Promise(() => {});
    const second = browser.tab();
    const { conversations, identity } = second.store;
    conversations.subscribe(() => {});
    expect(identity.get()).toEqual({ kind: "known", me, confirmed: false });
    expect(conversations.get().items).toHaveLength(1);
    await until("another one is there", () => identity.owner === "one:somebody else");
    second.frame();
    expect(identity.get()).toEqual({ kind: "known", me: engine.me, confirmed: false });
    expect(conversations.get().items).toEqual([]);
  });

  test("another one than was remembered: what waits in the outbox of the one before is not sent", async () => {
    const first = await connected();
    const mine = engine.addConversation("Mine");
    await until("it is here", () => first.store.conversations.get().items.length === 1);
    first.goOffline();
    first.store.conversation(mine).send("Only for me");
    await kept(first);
    first.kill();
    const cache = [...browser.caches.values()][0] as MemoryCache;
    const named = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    const rows = await cache.outbox();
    let reads = 0;
    vi.spyOn(cache, "outbox").mockImplementation(async () => {
      reads += 1;
      if (reads === 3) await read.promise;
      return rows;
    });
    const second = browser.tab(({ device }) => {
      const { me } = device.engine;
      vi.spyOn(device.engine, "me").mockImplementation(() => named.promise.then(() => me()));
    });
    await until("it is read after the rest", () => reads === 3);
    engine.me = { ...engine.me, principal: "somebody else" };
    named.resolve();
    await turn();
    read.resolve();
    await until("it is the other one", () => second.store.identity.isConfirmed);
    await kept(second);
    expect(second.store.activity.get().waitingToSend).toBe(0);
    expect(await second.store.cache.outbox()).toEqual([]);
    expect(engine.messages.size).toBe(0);
  });

  test("what was asked for in the name of one owner reaches no other", async () => {
    const { id } = running();
    const tab = await connected();
    await until("it is here", () => tab.store.conversations.get().items.length === 1);
    const { engine: asked } = tab.device;
    const late = Promise.withResolvers<void>();
    const { conversations, messages } = asked;
    vi.spyOn(asked, "conversations").mockImplementation(async (page) => {
      const reply = await conversations.call(asked, page);
      await late.promise;
      return reply;
    });
    vi.spyOn(asked, "messages").mockImplementation(async (of, page) => {
      const reply = await messages.call(asked, of, page);
      await late.promise;
      return reply;
    });
    void tab.store.conversations.loadMore();
    tab.store.prefetch(id);
    await until("both are asked", () => vi.mocked(asked.messages).mock.calls.length > 0);
    expect(asked.conversations).toHaveBeenCalled();
    for (const held of [engine.conversations, engine.messages, engine.tasks]) held.clear();
    engine.me = { ...engine.me, principal: "somebody else" };
    await tab.store.identity.ask();
    late.resolve();
    await kept(tab);
    expect(tab.store.identity.owner).toContain("somebody else");
    expect(tab.store.conversations.get().items).toEqual([]);
    expect(await tab.store.cache.messagesOf(id)).toEqual([]);
  });

  test("401: signed out, and nothing of the cache is shown until somebody is known", async () => {
    const tab = await connected();
    const { id } = running();
    await openedIn(tab, id);
    engine.signedOut = true;
    for (const options of [...tab.device.options]) options.onEvent({ kind: "signed_out" });
    expect(tab.store.identity.get()).toEqual({ kind: "signed_out" });
    expect(tab.store.conversations.get().items).toEqual([]);
    expect(tab.store.conversation(id).get().thread).toEqual([]);
    const later = browser.tab();
    await until("it knows", () => later.store.identity.get().kind === "signed_out");
    expect(later.store.conversations.get().items).toEqual([]);
    engine.signedOut = false;
    tab.happens("shown");
    await until("known again", () => tab.store.identity.get().kind === "known");
    await until("all is back", () => tab.texts(id).length === 2);
  });

  test("nothing of another installation behind the same address is mixed with what was there", async () => {
    const tab = await connected();
    const { id } = running();
    await openedIn(tab, id);
    await kept(tab);
    browser.clock.advance(60_000);
    const before = await [...browser.caches.values()][0]?.load();
    tab.goOffline();
    // Its revs are higher, so that no snapshot would say that it is another one.
    for (const each of [...engine.conversations.keys()]) engine.remove(each);
    engine.me = { ...engine.me, installation: "two" };
    const otherId = engine.addConversation("Of the other one");
    tab.goOnline();
    await until("the other one", () => {
      const identity = tab.store.identity.get();
      return identity.kind === "known" && identity.me.installation === "two" && identity.confirmed;
    });
    await connected(tab);
    await until("its list", () => tab.store.conversations.get().items.length === 1);
    expect(tab.store.conversations.get().items[0]?.id).toBe(otherId);
    await kept(tab);
    expect(browser.caches.size).toBe(2);
    expect(await [...browser.caches.values()][0]?.load()).toEqual(before);
  });
});

describe("retry", () => {
  test("an answer that failed while this page looked on is tried again once, after its delay", async () => {
    const tab = await connected();
    const { id, taskId, answerId } = running();
    await openedIn(tab, id);
    engine.type(taskId, "half");
    engine.fail(taskId);
    const conversation = tab.store.conversation(id);
    expect(conversation.message(answerId).get()).toMatchObject({
      status: "error",
      content: "half",
      retry: { at: browser.clock.now() + retry_delay_ms },
    });
    browser.clock.advance(retry_delay_ms);
    await until("again", () => engine.tasks.size === 2);
    const retried = [...engine.tasks.keys()][1] ?? "";
    engine.fail(retried);
    browser.clock.advance(10 * retry_delay_ms);
    await turn();
    expect(engine.tasks.size).toBe(2);
    const last = conversation.get().thread[1] ?? "";
    expect(conversation.message(last).get()).toMatchObject({ status: "error", retry: null });
  });

  test("it can be called off in any tab, and only the leader makes it", async () => {
    const leader = await connected();
    const follower = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
      }),
    );
    const one = running();
    const two = running();
    await openedIn(follower, one.id);
    await openedIn(leader, one.id);
    engine.fail(one.taskId);
    engine.fail(two.taskId);
    follower.store.conversation(one.id).callOffRetry(one.answerId);
    await turn();
    expect(leader.store.conversation(one.id).message(one.answerId).get()?.retry).toBeNull();
    browser.clock.advance(retry_delay_ms);
    await turn();
    expect(leader.device.calls.filter((each) => each.startsWith("retry"))).toEqual([`retry ${two.taskId}`]);
    expect(follower.device.calls.filter((each) => each.startsWith("retry"))).toEqual([]);
  });

  test.each(["before this page came", "for good"])("not when it failed %s", async (when) => {
    const { id, taskId, answerId } = running();
    if (when === "before this page came") engine.fail(taskId);
    const tab = await connected();
    await openedIn(tab, id);
    if (when === "for good") engine.fail(taskId, false);
    expect(tab.store.conversation(id).message(answerId).get()).toMatchObject({
      status: "error",
      retry: null,
    });
  });
});

describe("unread", () => {
  test("what ends unseen is unread in all tabs until one of them looks", async () => {
    const one = await connected();
    const two = await connected(
      browser.tab((tab) => {
        tab.device.role = "follower";
      }),
    );
    const { id, taskId } = running();
    const ended: AnswerEnded[] = [];
    one.store.onAnswerEnded((each) => ended.push(each));
    two.store.onAnswerEnded((each) => ended.push(each));
    engine.type(taskId, "The  answer\nis this");
    engine.finish(taskId);
    expect(ended).toEqual([
      {
        conversationId: id,
        title: "Talk",
        messageId: expect.anything(),
        status: "completed",
        excerpt: "The answer is this",
      },
    ]);
    expect(one.store.activity.get().unreadTotal).toBe(1);
    expect(two.store.conversations.get().items[0]?.unread).toBe(1);
    await openedIn(two, id);
    await until("read in both", () => one.store.activity.get().unreadTotal === 0);
    expect(two.store.activity.get().unreadTotal).toBe(0);
  });

  test("what ends in a visible page is read in all tabs; in a hidden one it is not", async () => {
    const one = await connected();
    const two = await connected();
    const first = running();
    const second = running();
    await openedIn(one, first.id);
    await openedIn(two, second.id);
    two.visible = false;
    engine.finish(first.taskId);
    engine.finish(second.taskId);
    await until("one of two", () => one.store.activity.get().unreadTotal === 1);
    expect(two.store.activity.get().unreadTotal).toBe(1);
    two.visible = true;
    two.happens("shown");
    await until("both", () => one.store.activity.get().unreadTotal === 0);
  });

  test("what comes back with an undone removal is no news", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    engine.finish(taskId);
    await openedIn(tab, id);
    const ended: AnswerEnded[] = [];
    tab.store.onAnswerEnded((each) => void ended.push(each));
    tab.store.conversation(id);
    tab.visible = false;
    const { undo, done } = tab.store.conversations.remove(id);
    await done;
    expect(await undo()).toEqual({ ok: true });
    await until("it is back", () => tab.texts(id).length === 2);
    expect(ended).toEqual([]);
    expect(tab.store.activity.get().unreadTotal).toBe(0);
  });

  test("what ended while nobody was there is unread, and stays so over a reload", async () => {
    const first = await connected();
    const { id, taskId } = running();
    await kept(first);
    first.kill();
    engine.finish(taskId);
    const second = await connected();
    expect(second.store.activity.get().unreadTotal).toBe(1);
    await kept(second);
    second.kill();
    const third = await connected();
    expect(third.store.conversations.get().items.find((each) => each.id === id)?.unread).toBe(1);
  });
});

describe("the list", () => {
  test("rename and pin are shown at once and taken back when the engine refuses", async () => {
    const tab = await connected();
    engine.addConversation("B");
    const id = engine.addConversation("A");
    engine.addConversation("C");
    const titles = () => tab.store.conversations.get().items.map((each) => each.title);
    const pinned = tab.store.conversations.setPinned(id, true);
    expect(titles()).toEqual(["A", "C", "B"]);
    expect(await pinned).toEqual({ ok: true });
    tab.device.problems = [{ ...network, code: "invalid_request", status: 400 }];
    const renamed = tab.store.conversations.rename(id, "Z");
    expect(titles()).toEqual(["Z", "C", "B"]);
    expect(await renamed).toMatchObject({ ok: false });
    expect(titles()).toEqual(["A", "C", "B"]);
  });

  test("remove hides at once; undo brings it back with its messages", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    engine.finish(taskId);
    await openedIn(tab, id);
    const removing = tab.store.conversations.remove(id);
    expect(tab.store.conversations.get().items).toEqual([]);
    expect(await removing.done).toEqual({ ok: true });
    expect(tab.store.conversation(id).get().state).toBe("missing");
    expect(await removing.undo()).toEqual({ ok: true });
    await until("all is back", () => tab.texts(id).length === 2);
    expect(tab.store.conversation(id).get().state).toBe("ready");
    expect(tab.store.conversations.get().items.map((each) => each.id)).toEqual([id]);
  });

  test("what another device brings back is shown again", async () => {
    const tab = await connected();
    const id = engine.addConversation("Talk");
    expect(await tab.store.conversations.remove(id).done).toEqual({ ok: true });
    expect(tab.store.conversations.get().items).toEqual([]);
    engine.restore(id);
    expect(tab.store.conversations.get().items.map((each) => each.id)).toEqual([id]);
  });

  test("a removal the engine refuses is taken back", async () => {
    const tab = await connected();
    const { id } = running();
    tab.device.problems = [{ ...network, code: "internal", status: 500 }];
    expect(await tab.store.conversations.remove(id).done).toMatchObject({ ok: false });
    expect(tab.store.conversations.get().items.map((each) => each.id)).toEqual([id]);
  });
});

describe("data", () => {
  test("export: the shown branch as Markdown, everything as JSON", async () => {
    const tab = await connected();
    const { id, taskId } = running();
    engine.type(taskId, "Answer *one*");
    engine.finish(taskId);
    const { name, text } = await tab.store.conversation(id).exportAs("markdown");
    expect(name).toBe("Talk.md");
    expect(text).toBe("# Talk\n\n## You\n\nQuestion\n\n## Assistant\n\nAnswer *one*\n");
    const told: string[] = [];
    const blob = await tab.store.data.exportAll((done, all) => told.push(`${done}/${all}`));
    const everything: unknown = JSON.parse(await blob.text());
    expect(everything).toMatchObject([
      { conversation: { id }, messages: [{ role: "user" }, { role: "assistant" }] },
    ]);
    expect(told).toEqual(["0/1", "1/1"]);
  });

  test("clearing the cache leaves what waits, and what is shown", async () => {
    const tab = await connected();
    const { id } = running();
    await openedIn(tab, id);
    tab.goOffline();
    tab.store.conversation(id).send("Waits");
    await tab.store.data.clearCache();
    await kept(tab);
    const cached = await [...browser.caches.values()][0]?.load();
    expect(cached?.outbox).toHaveLength(1);
    expect(tab.texts(id)).toEqual(["Question", "", "Waits"]);
  });

  test("a cache that was cleared is filled up again", async () => {
    engine.finish(engine.ask(engine.addConversation("Talk"), "?").task_id);
    const tab = await connected();
    const inFull = async () => (await tab.store.data.usage()).inFull;
    await tab.rest();
    expect(await inFull()).toBe(1);
    await tab.store.data.clearCache();
    expect(await inFull()).toBe(0);
    await tab.rest();
    expect(await inFull()).toBe(1);
  });

  test("drafts are kept per conversation, and go with it when it gets its id", async () => {
    const tab = await connected();
    const { conversationId } = tab.store.begin({ content: "Hello" });
    tab.store.drafts.set(conversationId, "next");
    tab.store.drafts.set(null, "another");
    await until("it has an id", () => !tab.store.conversation(conversationId).get().isLocal);
    expect(tab.store.drafts.get(tab.store.conversation(conversationId).get().id)).toBe("next");
    expect(tab.store.drafts.get(null)).toBe("another");
  });
});
