import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { deleteDB, type IDBPDatabase, openDB } from "idb";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Conversation, Message } from "../protocol/types.ts";
import type { CachePort, OutboxRow, StreamRow } from "./cache_port.ts";
import { chatCache, setChatCache } from "./chat_cache.ts";
import { IndexedDbCache } from "./indexeddb_cache.ts";
import { MemoryCache } from "./memory_cache.ts";
import { SafeCache } from "./safe_cache.ts";
import { turn } from "./testing/browser.ts";
import { FakeEngine } from "./testing/fake_engine.ts";

let conversation: Conversation;
let question: Message;
let answer: Message;
let owners = 0;

beforeEach(() => {
  const engine = new FakeEngine();
  const id = engine.addConversation("Talk");
  const { task_id } = engine.ask(id, "Question");
  engine.type(task_id, "Answer");
  engine.finish(task_id);
  const [first, second] = engine.messages.values();
  const found = engine.conversations.get(id);
  if (first === undefined || second === undefined || found === undefined) throw new Error("no conversation");
  conversation = found;
  question = first;
  answer = second;
  owners += 1;
});

function stream(attempt: number, index: number, content: string): StreamRow {
  return {
    taskId: "t",
    messageId: answer.id,
    sessionId: conversation.id,
    status: "generating",
    position: { attempt, index },
    content,
    reasoning: "",
  };
}

function waiting(key: string, order: number): OutboxRow {
  return {
    key,
    idempotencyKey: key,
    order,
    conversationId: conversation.id,
    what: { kind: "post", parentId: null },
    content: key,
    model: null,
    state: "waiting",
    problem: null,
    createdAt: 0,
  };
}

describe.each([
  ["memory", async (): Promise<CachePort> => new MemoryCache()],
  ["IndexedDB", () => IndexedDbCache.open(`owner ${owners}`)],
])("a cache in %s", (_name, open) => {
  let cache: CachePort;
  beforeEach(async () => {
    cache = await open();
  });

  test("keeps what a change brought, with its rev", async () => {
    await cache.write({ rev: 7, conversations: [conversation], messages: [question, answer] });
    const { meta, sessions } = await cache.load();
    expect(meta.rev).toBe(7);
    expect(sessions).toMatchObject([
      { id: conversation.id, title: "Talk", messageCount: 2, completeness: "title" },
    ]);
    expect((await cache.messagesOf(conversation.id)).length).toBe(2);
  });

  test("an older object, and a lower rev, change nothing", async () => {
    await cache.write({ rev: 7, conversations: [conversation], messages: [answer] });
    const old = { ...answer, rev: answer.rev - 1, content: "old" };
    await cache.write({
      rev: 3,
      conversations: [{ ...conversation, rev: 0, title: "old" }],
      messages: [old],
    });
    const { meta, sessions } = await cache.load();
    expect(meta.rev).toBe(7);
    expect(sessions[0]?.title).toBe("Talk");
    expect(await cache.messagesOf(conversation.id)).toEqual([answer]);
  });

  test("a reset forgets all but the outbox, and may lower the rev", async () => {
    await cache.write({ rev: 7, conversations: [conversation], messages: [answer] });
    await cache.putStreams([stream(1, 1, "a")]);
    await cache.putOutbox(waiting("w", 1));
    await cache.write({ reset: true, rev: 2 });
    expect(await cache.load()).toMatchObject({
      meta: { rev: 2 },
      sessions: [],
      streams: [],
      outbox: [{ key: "w" }],
    });
    expect(await cache.messagesOf(conversation.id)).toEqual([]);
  });

  test("what this browser knows of a conversation outlives what the engine says of it", async () => {
    await cache.write({ conversations: [conversation] });
    await cache.touch(conversation.id, { unread: ["m"], branch: "b", completeness: "full" });
    await cache.write({ conversations: [{ ...conversation, rev: 99, title: "Renamed" }] });
    const { sessions } = await cache.load();
    expect(sessions).toMatchObject([{ title: "Renamed", unread: ["m"], branch: "b", completeness: "full" }]);
  });

  test("of a stream the later position is kept, whoever writes last", async () => {
    await cache.putStreams([stream(1, 5, "abc")]);
    await cache.putStreams([stream(1, 4, "ab")]);
    expect((await cache.load()).streams).toMatchObject([{ position: { index: 5 }, content: "abc" }]);
    await cache.putStreams([stream(2, 0, "")]);
    expect((await cache.load()).streams).toMatchObject([{ position: { attempt: 2, index: 0 }, content: "" }]);
  });

  test("the text of an answer that has ended goes with the message that has it", async () => {
    await cache.putStreams([stream(1, 5, "abc")]);
    await cache.write({ messages: [answer], endedTasks: ["t"] });
    expect((await cache.load()).streams).toEqual([]);
  });

  test("a conversation that is no more takes everything with it", async () => {
    await cache.write({ conversations: [conversation], messages: [answer] });
    await cache.putStreams([stream(1, 5, "abc")]);
    await cache.write({ removed: [conversation.id] });
    expect(await cache.load()).toMatchObject({ sessions: [], streams: [] });
    expect(await cache.messagesOf(conversation.id)).toEqual([]);
  });

  test("the outbox keeps its order", async () => {
    await cache.putOutbox(waiting("second", 2));
    await cache.putOutbox(waiting("first", 1));
    expect((await cache.outbox()).map((each) => each.key)).toEqual(["first", "second"]);
    await cache.dropOutbox("first");
    expect((await cache.outbox()).map((each) => each.key)).toEqual(["second"]);
  });

  test("chatCache: messages oldest first, saved, and streams marked", async () => {
    setChatCache(cache);
    await chatCache.saveMessage(answer);
    await chatCache.saveMessage(question);
    expect((await chatCache.getSessionMessages(conversation.id)).map((each) => each.id)).toEqual([
      question.id,
      answer.id,
    ]);
    await cache.putStreams([stream(1, 5, "abc")]);
    await chatCache.markStreamActive(conversation.id, answer.id, "queued");
    expect((await cache.load()).streams).toMatchObject([{ status: "queued" }]);
    await chatCache.markStreamActive(conversation.id, answer.id, "completed");
    expect((await cache.load()).streams).toEqual([]);
  });

  test("forgetting messages leaves the title", async () => {
    await cache.write({ conversations: [conversation], messages: [answer] });
    await cache.touch(conversation.id, { completeness: "full" });
    await cache.forgetMessages([conversation.id]);
    expect((await cache.load()).sessions).toMatchObject([{ title: "Talk", completeness: "title" }]);
    expect(await cache.messagesOf(conversation.id)).toEqual([]);
  });
});

describe("IndexedDB", () => {
  test("owners see nothing of each other, and what is kept outlives the page", async () => {
    const mine = await IndexedDbCache.open("one:me");
    await mine.write({ rev: 1, conversations: [conversation] });
    mine.close();
    expect((await (await IndexedDbCache.open("one:me")).load()).sessions).toHaveLength(1);
    expect((await (await IndexedDbCache.open("one:you")).load()).sessions).toEqual([]);
  });

  test("a database that the code before this one made keeps what waits to be sent", async () => {
    const made = await openDB("throughline:old", 10, {
      upgrade(db) {
        db.createObjectStore("activeStreams", { keyPath: "taskId" }).createIndex("sessionId", "sessionId");
        const messages = db.createObjectStore("messages", { keyPath: "id" });
        messages.createIndex("conversation_id", "conversation_id");
        db.createObjectStore("meta", { keyPath: "name" });
        db.createObjectStore("outbox", { keyPath: "key" }).createIndex("order", "order");
        db.createObjectStore("sessions", { keyPath: "id" });
      },
    });
    await made.put("outbox", waiting("one", 1));
    made.close();
    expect(await (await IndexedDbCache.open("old")).outbox()).toEqual([waiting("one", 1)]);
  });

  test("a read that is cut off rejects, and nothing else does", async () => {
    const cache = await IndexedDbCache.open("cut off");
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const { transaction } = IDBDatabase.prototype;
    vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...given) {
      const cut = transaction.apply(this, given);
      queueMicrotask(() => cut.abort());
      return cut;
    });
    await expect(cache.load()).rejects.toThrow();
    await expect(cache.messagesOf("one")).rejects.toThrow();
    await expect(cache.outbox()).rejects.toThrow();
    await expect(cache.eachMessage(() => {})).rejects.toThrow();
    vi.restoreAllMocks();
    await turn();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  test("a database of a newer version is deleted and filled again", async () => {
    const newer = await openDB("throughline:future", 90, {
      upgrade(db) {
        db.createObjectStore("sessions", { keyPath: "id" }).put({ id: "strange" });
      },
    });
    newer.close();
    const cache = await IndexedDbCache.open("future");
    expect((await cache.load()).sessions).toEqual([]);
    await cache.write({ conversations: [conversation] });
    expect((await cache.load()).sessions).toHaveLength(1);
  });

  test("a database that lacks tables is made anew", async () => {
    const upgrade = (db: IDBPDatabase) => void db.createObjectStore("sessions", { keyPath: "id" });
    (await openDB("throughline:broken", 10, { upgrade })).close();
    const cache = await IndexedDbCache.open("broken");
    expect((await cache.load()).sessions).toEqual([]);
    await cache.write({ rev: 3, messages: [answer] });
    expect((await cache.load()).meta.rev).toBe(3);
  });
});

describe("IndexedDB of strangers", () => {
  test.each([1, 10, 9_000])("tables of another kind, at version %d: made anew", async (version) => {
    const name = `strange ${version}`;
    await new Promise<void>((resolve, reject) => {
      const opening = indexedDB.open(`throughline:${name}`, version);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore("messages", { autoIncrement: true }).put({ what: "nobody knows" });
        opening.result.createObjectStore("attic");
      };
      opening.onsuccess = () => {
        opening.result.close();
        resolve();
      };
      opening.onerror = () => reject(opening.error);
    });
    const cache = await IndexedDbCache.open(name);
    await cache.write({ rev: 3, conversations: [conversation], messages: [answer] });
    expect(await cache.messagesOf(conversation.id)).toEqual([answer]);
    cache.close();
    expect((await (await IndexedDbCache.open(name)).load()).meta.rev).toBe(3);
  });
});

describe("a cache that never fails", () => {
  async function safe(open: (owner: string) => Promise<CachePort>): Promise<SafeCache> {
    const cache = new SafeCache(open);
    cache.use("somebody");
    await cache.load();
    return cache;
  }

  test("no IndexedDB: memory", async () => {
    const cache = await safe(async () => {
      throw new Error("forbidden");
    });
    await cache.write({ rev: 5, messages: [answer] });
    expect(await cache.messagesOf(answer.conversation_id)).toEqual([answer]);
    expect(cache.kind).toBe("memory");
  });

  test("deleted under us: opened again, and on it goes", async () => {
    globalThis.indexedDB = new IDBFactory();
    const cache = await safe((owner) => IndexedDbCache.open(owner));
    await cache.write({ rev: 5, conversations: [conversation] });
    await deleteDB("throughline:somebody");
    expect((await cache.load()).sessions).toEqual([]);
    await cache.write({ rev: 6, conversations: [conversation] });
    expect((await cache.load()).sessions).toHaveLength(1);
    expect(cache.kind).toBe("indexeddb");
  });

  test("what waits to be sent outlives a cache that is deleted", async () => {
    globalThis.indexedDB = new IDBFactory();
    const row = waiting("one", 1);
    const cache = await safe((owner) => IndexedDbCache.open(owner));
    await cache.putOutbox(row);
    await deleteDB("throughline:somebody");
    expect(await cache.outbox()).toEqual([row]);
    expect(await (await IndexedDbCache.open("somebody")).outbox()).toEqual([row]);
  });

  test("newer code takes the database over: this code leaves it alone", async () => {
    globalThis.indexedDB = new IDBFactory();
    const row = waiting("one", 1);
    const cache = await safe((owner) => IndexedDbCache.open(owner));
    await cache.putOutbox(row);
    const newer = await openDB("throughline:somebody", 20);
    await cache.write({ rev: 7, messages: [answer] });
    expect(cache.kind).toBe("memory");
    expect(await cache.outbox()).toEqual([row]);
    expect(await newer.getAll("outbox")).toEqual([row]);
  });

  test("closed, it opens nothing again", async () => {
    let openings = 0;
    const cache = await safe(async () => {
      openings += 1;
      const inner = new MemoryCache();
      return Object.assign(inner, {
        kind: "indexeddb" as const,
        close: () => {
          inner.messagesOf = () => Promise.reject(new Error("closed"));
        },
      });
    });
    cache.close();
    expect(await cache.messagesOf("any")).toEqual([]);
    expect(openings).toBe(1);
  });

  test("full: older conversations go first, then it is memory", async () => {
    class FullCache extends MemoryCache {
      override readonly kind = "indexeddb" as unknown as "memory";
      forgotten: string[] = [];
      full = true;
      override async write(...args: Parameters<MemoryCache["write"]>): Promise<void> {
        if (this.full && args[0].rev === 6) {
          throw Object.assign(new Error("full"), { name: "QuotaExceededError" });
        }
        return super.write(...args);
      }
      override async forgetMessages(ids: readonly string[]): Promise<void> {
        this.forgotten.push(...ids);
        await super.forgetMessages(ids);
      }
    }
    const inner = new FullCache();
    const cache = await safe(async () => inner);
    await cache.write({ rev: 5, conversations: [conversation], messages: [answer] });
    await cache.touch(conversation.id, { completeness: "full" });
    await cache.write({ rev: 6 });
    expect(inner.forgotten).toEqual([conversation.id]);
    expect(cache.kind).toBe("memory");
    expect((await cache.load()).meta.rev).toBe(6);
  });

  test("what was begun for one owner does not reach the next one", async () => {
    const caches = new Map<string, MemoryCache>();
    const cache = new SafeCache(async (owner) => {
      const made = new MemoryCache();
      caches.set(owner, made);
      return made;
    });
    cache.use("one");
    const writing = cache.write({ rev: 1, messages: [answer] });
    cache.use("two");
    await writing;
    expect(await cache.messagesOf(answer.conversation_id)).toEqual([]);
    expect(await caches.get("one")?.messagesOf(answer.conversation_id)).toEqual([answer]);
  });
});
