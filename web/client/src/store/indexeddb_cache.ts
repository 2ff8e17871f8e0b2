/**
 * The cache in IndexedDB, one database per principal and installation. Everything may reject here (full, blocked, deleted
 * under us, of a newer version); safe_cache.ts is what makes that harmless.
 */
import {
  type DBSchema,
  deleteDB,
  type IDBPDatabase,
  type IDBPTransaction,
  openDB,
  type StoreNames,
  unwrap,
} from "idb";
import type { Conversation, Message, MessageStatus } from "../protocol/types.ts";
import {
  type Cached,
  type CachePort,
  type CacheWrite,
  empty_meta,
  isLaterStream,
  type Meta,
  type OutboxRow,
  type SessionMembers,
  type SessionRow,
  type StreamRow,
  sessionRow,
} from "./cache_port.ts";
import { isTerminal } from "./message_status.ts";

interface Schema extends DBSchema {
  sessions: { key: string; value: SessionRow };
  messages: { key: string; value: Message; indexes: { conversation_id: string } };
  activeStreams: { key: string; value: StreamRow; indexes: { sessionId: string } };
  outbox: { key: string; value: OutboxRow; indexes: { order: number } };
  meta: { key: string; value: { readonly name: "meta"; readonly meta: Meta } };
}

type Table = StoreNames<Schema>;
type Writing = IDBPTransaction<Schema, Table[], "readwrite">;

/** Of each table its key and its indexes. */
const tables: Readonly<Record<Table, { readonly key: string; readonly indexes: readonly string[] }>> = {
  sessions: { key: "id", indexes: [] },
  messages: { key: "id", indexes: ["conversation_id"] },
  activeStreams: { key: "taskId", indexes: ["sessionId"] },
  outbox: { key: "key", indexes: ["order"] },
  meta: { key: "name", indexes: [] },
};
const table_names = Object.keys(tables) as Table[];

/** What this code writes. A higher one on disk was written by newer code, a lower one by nobody: it is made anew. */
const schema_version = 10;
const open_patience_ms = 4_000;
const name_prefix = "throughline:";
/** Messages that are read at once when all are. */
const batch = 200;

export class IndexedDbCache implements CachePort {
  readonly kind = "indexeddb";
  isOutdated = false;
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
    // Whoever wants to change or delete the database must not wait for this tab.
    db.addEventListener("versionchange", ({ newVersion }) => {
      this.isOutdated = newVersion !== null;
      db.close();
    });
  }

  /** Rejects when there is no IndexedDB, or none that can be used now. */
  static async open(owner: string): Promise<CachePort> {
    const name = `${name_prefix}${owner}`;
    const found = await openNow(name).catch((error: unknown) => {
      if (error instanceof Error && error.name === "VersionError") return null;
      throw error;
    });
    if (found !== null && isWhole(found)) return new IndexedDbCache(found);
    found?.close();
    await withPatience(deleteDB(name));
    return new IndexedDbCache(await openNow(name));
  }

  async load(): Promise<Cached> {
    const reading = read(this.#db, table_names);
    const [sessions, streams, outbox, meta] = await Promise.all([
      reading.objectStore("sessions").getAll(),
      reading.objectStore("activeStreams").getAll(),
      reading.objectStore("outbox").index("order").getAll(),
      reading.objectStore("meta").get("meta"),
    ]);
    return { sessions, streams, outbox, meta: { ...empty_meta, ...meta?.meta } };
  }

  async messagesOf(sessionId: string): Promise<readonly Message[]> {
    return read(this.#db, ["messages"]).objectStore("messages").index("conversation_id").getAll(sessionId);
  }

  write(changes: CacheWrite): Promise<void> {
    return this.#write(["sessions", "messages", "activeStreams", "meta"], async (writing) => {
      if (changes.reset === true) await reset(writing);
      await putConversations(writing, changes.conversations ?? []);
      await putMessages(writing, changes.messages ?? []);
      for (const id of changes.removed ?? []) {
        await writing.objectStore("sessions").delete(id);
        await deleteMessages(writing, id);
        const streams = writing.objectStore("activeStreams");
        for (const key of await streams.index("sessionId").getAllKeys(id)) await streams.delete(key);
      }
      for (const task of changes.endedTasks ?? []) await writing.objectStore("activeStreams").delete(task);
      if (changes.rev === undefined) return;
      const meta = await readMeta(writing);
      if (changes.rev > (meta.rev ?? -1)) await putMeta(writing, { ...meta, rev: changes.rev });
    });
  }

  touch(sessionId: string, members: SessionMembers): Promise<void> {
    return this.#write(["sessions"], (writing) => change(writing, sessionId, members));
  }

  setMeta(members: Partial<Omit<Meta, "rev">>): Promise<void> {
    return this.#write(["meta"], async (writing) => {
      await putMeta(writing, { ...(await readMeta(writing)), ...members });
    });
  }

  putStreams(rows: readonly StreamRow[]): Promise<void> {
    return this.#write(["activeStreams"], async (writing) => {
      const streams = writing.objectStore("activeStreams");
      for (const row of rows) if (isLaterStream(await streams.get(row.taskId), row)) await streams.put(row);
    });
  }

  markStream(sessionId: string, messageId: string, status: MessageStatus): Promise<void> {
    return this.#write(["activeStreams"], async (writing) => {
      const streams = writing.objectStore("activeStreams");
      for (const row of await streams.index("sessionId").getAll(sessionId)) {
        if (row.messageId !== messageId) continue;
        if (isTerminal(status)) await streams.delete(row.taskId);
        else await streams.put({ ...row, status });
      }
    });
  }

  dropStreams(taskIds: readonly string[]): Promise<void> {
    return this.#write(["activeStreams"], async (writing) => {
      for (const id of taskIds) await writing.objectStore("activeStreams").delete(id);
    });
  }

  async outbox(): Promise<readonly OutboxRow[]> {
    return read(this.#db, ["outbox"]).objectStore("outbox").index("order").getAll();
  }

  async putOutbox(row: OutboxRow): Promise<void> {
    await this.#db.put("outbox", row);
  }

  async dropOutbox(key: string): Promise<void> {
    await this.#db.delete("outbox", key);
  }

  forgetMessages(sessionIds: readonly string[]): Promise<void> {
    return this.#write(["sessions", "messages"], async (writing) => {
      for (const id of sessionIds) {
        await deleteMessages(writing, id);
        await change(writing, id, { completeness: "title", olderCursor: null });
      }
    });
  }

  async eachMessage(visit: (message: Message) => void): Promise<void> {
    let range: IDBKeyRange | null = null;
    for (;;) {
      const reading = read(this.#db, ["messages"]);
      const messages: Message[] = await reading.objectStore("messages").getAll(range, batch);
      for (const message of messages) visit(message);
      const last = messages.at(-1);
      if (last === undefined || messages.length < batch) return;
      range = IDBKeyRange.lowerBound(last.id, true);
    }
  }

  close(): void {
    this.#db.close();
  }

  /** All or nothing. What rejects says why the transaction ended, which is not always why the last request did. */
  async #write(names: Table[], run: (writing: Writing) => Promise<void>): Promise<void> {
    const writing = this.#db.transaction(names, "readwrite");
    try {
      await run(writing);
    } catch (error) {
      try {
        writing.abort();
      } catch {
        // It has ended already.
      }
      await writing.done.catch(() => {});
      throw writing.error ?? error;
    }
    await writing.done;
  }
}

/** Whoever reads hears of a transaction that is aborted from the requests in it; its own end is nobody's to handle. */
function read(db: IDBPDatabase<Schema>, names: Table[]): IDBPTransaction<Schema, Table[]> {
  const reading = db.transaction(names);
  reading.done.catch(() => {});
  return reading;
}

async function reset(writing: Writing): Promise<void> {
  const { models } = await readMeta(writing);
  for (const name of ["sessions", "messages", "activeStreams"] as const)
    await writing.objectStore(name).clear();
  await putMeta(writing, { ...empty_meta, models });
}

async function readMeta(writing: Writing): Promise<Meta> {
  return { ...empty_meta, ...(await writing.objectStore("meta").get("meta"))?.meta };
}

async function putMeta(writing: Writing, meta: Meta): Promise<void> {
  await writing.objectStore("meta").put({ name: "meta", meta });
}

/** Asks for all that is there before it writes: a request costs less when others are on their way with it. */
async function putConversations(writing: Writing, conversations: readonly Conversation[]): Promise<void> {
  const sessions = writing.objectStore("sessions");
  const kept = await Promise.all(conversations.map((each) => sessions.get(each.id)));
  const rows = conversations.flatMap((conversation, index) => {
    const known = kept[index];
    return known !== undefined && known.conversation.rev > conversation.rev
      ? []
      : [sessionRow(conversation, known)];
  });
  await Promise.all(rows.map((row) => sessions.put(row)));
}

async function putMessages(writing: Writing, given: readonly Message[]): Promise<void> {
  const messages = writing.objectStore("messages");
  const kept = await Promise.all(given.map((each) => messages.get(each.id)));
  const rows = given.filter((message, index) => (kept[index]?.rev ?? -1) <= message.rev);
  await Promise.all(rows.map((row) => messages.put(row)));
}

async function deleteMessages(writing: Writing, sessionId: string): Promise<void> {
  const messages = writing.objectStore("messages");
  const keys = await messages.index("conversation_id").getAllKeys(sessionId);
  await Promise.all(keys.map((key) => messages.delete(key)));
}

async function change(writing: Writing, sessionId: string, members: SessionMembers): Promise<void> {
  const sessions = writing.objectStore("sessions");
  const row = await sessions.get(sessionId);
  if (row !== undefined) await sessions.put({ ...row, ...members });
}

function openNow(name: string): Promise<IDBPDatabase<Schema>> {
  const opening = openDB<Schema>(name, schema_version, {
    upgrade(db) {
      for (const strange of [...db.objectStoreNames]) db.deleteObjectStore(strange);
      for (const table of table_names) {
        const { key, indexes } = tables[table];
        const store: IDBObjectStore = unwrap(db).createObjectStore(table, { keyPath: key });
        for (const index of indexes) store.createIndex(index, index);
      }
    },
  });
  return withPatience(opening, (late) => late.close());
}

/** The files may be of a version with the right number and other tables. */
function isWhole(db: IDBPDatabase<Schema>): boolean {
  if (!table_names.every((name) => db.objectStoreNames.contains(name))) return false;
  const reading = read(db, table_names);
  return table_names.every((name) => {
    const { key, indexes } = tables[name];
    const store: IDBObjectStore = unwrap(reading.objectStore(name));
    return store.keyPath === key && indexes.every((index) => store.indexNames.contains(index));
  });
}

/** An open that is blocked by another tab may never end; the page does not wait for that. `late` gets what comes after all. */
function withPatience<T>(promise: Promise<T>, late: (value: T) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    let gaveUp = false;
    const timer = setTimeout(() => {
      gaveUp = true;
      reject(new Error("IndexedDB does not answer"));
    }, open_patience_ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        if (gaveUp) late(value);
        else resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
