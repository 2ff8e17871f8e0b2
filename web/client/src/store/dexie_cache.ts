/**
 * The cache in IndexedDB, one database per principal and installation. Everything may reject here (full, blocked, deleted
 * under us, of a newer version); safe_cache.ts is what makes that harmless.
 */
import { Dexie, type Table } from "dexie";
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

interface MetaRow {
  readonly name: "meta";
  readonly meta: Meta;
}

/** What this code writes. A higher one on disk was written by newer code: it is deleted and filled again. */
const schema_version = 1;
const open_patience_ms = 4_000;
const name_prefix = "throughline:";

export class DexieCache implements CachePort {
  readonly kind = "indexeddb";
  isOutdated = false;
  readonly #db: Dexie;
  readonly #sessions: Table<SessionRow, string>;
  readonly #messages: Table<Message, string>;
  readonly #streams: Table<StreamRow, string>;
  readonly #outbox: Table<OutboxRow, string>;
  readonly #meta: Table<MetaRow, string>;

  private constructor(db: Dexie) {
    this.#db = db;
    this.#sessions = db.table("sessions");
    this.#messages = db.table("messages");
    this.#streams = db.table("activeStreams");
    this.#outbox = db.table("outbox");
    this.#meta = db.table("meta");
    // Whoever wants to change or delete the database must not wait for this tab.
    db.on("versionchange", ({ newVersion }) => {
      this.isOutdated = newVersion !== null;
      db.close();
    });
  }

  /** Rejects when there is no IndexedDB, or none that can be used now. */
  static async open(owner: string): Promise<CachePort> {
    const name = `${name_prefix}${owner}`;
    const db = makeDatabase(name);
    try {
      await withPatience(db.open());
    } catch (error) {
      db.close();
      if (!isFromTheFuture(error) && !isBroken(error)) throw error;
      await withPatience(Dexie.delete(name));
      const fresh = makeDatabase(name);
      await withPatience(fresh.open());
      return new DexieCache(fresh);
    }
    // Dexie opens what newer code wrote as long as the tables are there, but what the rows mean is not known.
    if (isOfNewerCode(db)) {
      await withPatience(db.delete());
      const fresh = makeDatabase(name);
      await withPatience(fresh.open());
      return new DexieCache(fresh);
    }
    return new DexieCache(db);
  }

  async load(): Promise<Cached> {
    return this.#db.transaction("r", this.#db.tables, async () => {
      const [sessions, streams, outbox, meta] = await Promise.all([
        this.#sessions.toArray(),
        this.#streams.toArray(),
        this.#outbox.orderBy("order").toArray(),
        this.#readMeta(),
      ]);
      return { sessions, streams, outbox, meta };
    });
  }

  messagesOf(sessionId: string): Promise<readonly Message[]> {
    return this.#messages.where("conversation_id").equals(sessionId).toArray();
  }

  async write(changes: CacheWrite): Promise<void> {
    const tables = [this.#sessions, this.#messages, this.#streams, this.#meta];
    await this.#db.transaction("rw", tables, async () => {
      if (changes.reset === true) await this.#reset();
      await this.#putConversations(changes.conversations ?? []);
      await this.#putMessages(changes.messages ?? []);
      const removed = [...(changes.removed ?? [])];
      if (removed.length > 0) {
        await this.#sessions.bulkDelete(removed);
        await this.#messages.where("conversation_id").anyOf(removed).delete();
        await this.#streams.where("sessionId").anyOf(removed).delete();
      }
      if (changes.endedTasks !== undefined && changes.endedTasks.length > 0) {
        await this.#streams.bulkDelete([...changes.endedTasks]);
      }
      if (changes.rev !== undefined) {
        const meta = await this.#readMeta();
        if (changes.rev > (meta.rev ?? -1))
          await this.#meta.put({ name: "meta", meta: { ...meta, rev: changes.rev } });
      }
    });
  }

  async touch(sessionId: string, members: SessionMembers): Promise<void> {
    await this.#sessions.update(sessionId, members);
  }

  async setMeta(members: Partial<Omit<Meta, "rev">>): Promise<void> {
    await this.#db.transaction("rw", this.#meta, async () => {
      await this.#meta.put({ name: "meta", meta: { ...(await this.#readMeta()), ...members } });
    });
  }

  async putStreams(rows: readonly StreamRow[]): Promise<void> {
    await this.#db.transaction("rw", this.#streams, async () => {
      const kept = await this.#streams.bulkGet(rows.map((row) => row.taskId));
      await this.#streams.bulkPut(rows.filter((row, index) => isLaterStream(kept[index], row)));
    });
  }

  async markStream(sessionId: string, messageId: string, status: MessageStatus): Promise<void> {
    const rows = this.#streams.where("sessionId").equals(sessionId);
    const these = rows.and((row) => row.messageId === messageId);
    if (isTerminal(status)) await these.delete();
    else await these.modify({ status });
  }

  async dropStreams(taskIds: readonly string[]): Promise<void> {
    await this.#streams.bulkDelete([...taskIds]);
  }

  outbox(): Promise<readonly OutboxRow[]> {
    return this.#outbox.orderBy("order").toArray();
  }

  async putOutbox(row: OutboxRow): Promise<void> {
    await this.#outbox.put(row);
  }

  async dropOutbox(key: string): Promise<void> {
    await this.#outbox.delete(key);
  }

  async forgetMessages(sessionIds: readonly string[]): Promise<void> {
    await this.#db.transaction("rw", this.#sessions, this.#messages, async () => {
      await this.#messages
        .where("conversation_id")
        .anyOf([...sessionIds])
        .delete();
      await this.#sessions
        .where("id")
        .anyOf([...sessionIds])
        .modify({ completeness: "title", olderCursor: null });
    });
  }

  async eachMessage(visit: (message: Message) => void): Promise<void> {
    await this.#messages.each(visit);
  }

  close(): void {
    this.#db.close();
  }

  async #reset(): Promise<void> {
    const { models } = await this.#readMeta();
    await Promise.all([this.#sessions.clear(), this.#messages.clear(), this.#streams.clear()]);
    await this.#meta.put({ name: "meta", meta: { ...empty_meta, models } });
  }

  async #readMeta(): Promise<Meta> {
    return { ...empty_meta, ...(await this.#meta.get("meta"))?.meta };
  }

  async #putConversations(conversations: readonly Conversation[]): Promise<void> {
    const kept = await this.#sessions.bulkGet(conversations.map((each) => each.id));
    const rows = conversations.flatMap((conversation, index) => {
      const known = kept[index];
      return known !== undefined && known.conversation.rev > conversation.rev
        ? []
        : [sessionRow(conversation, known)];
    });
    if (rows.length > 0) await this.#sessions.bulkPut(rows);
  }

  async #putMessages(messages: readonly Message[]): Promise<void> {
    const kept = await this.#messages.bulkGet(messages.map((each) => each.id));
    const rows = messages.filter((message, index) => (kept[index]?.rev ?? -1) <= message.rev);
    if (rows.length > 0) await this.#messages.bulkPut(rows);
  }
}

function makeDatabase(name: string): Dexie {
  const db = new Dexie(name, { autoOpen: false });
  db.version(schema_version).stores({
    sessions: "id",
    messages: "id, conversation_id",
    activeStreams: "taskId, sessionId",
    outbox: "key, order",
    meta: "name",
  });
  return db;
}

/** Dexie counts a version of its own as ten of the browser's. */
function isOfNewerCode(db: Dexie): boolean {
  return db.backendDB().version >= (schema_version + 1) * 10;
}

function isFromTheFuture(error: unknown): boolean {
  return error instanceof Error && error.name === "VersionError";
}

/** The files of the browser are damaged, or the tables are not those that this code makes. */
function isBroken(error: unknown): boolean {
  return (
    error instanceof Error &&
    ["UpgradeError", "NotFoundError", "SchemaError", "SchemaDiff"].includes(error.name)
  );
}

/** An open that is blocked by another tab may never end; the page does not wait for that. */
function withPatience<T>(promise: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("IndexedDB does not answer")), open_patience_ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
