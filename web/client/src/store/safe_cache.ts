/**
 * A cache that never fails: what goes wrong with the real one (full, blocked, deleted, of another version) is mended if that
 * is possible, else the page works on with memory. Nobody above hears of it; the engine has everything anyway.
 */
import type { Message, MessageStatus } from "../protocol/types.ts";
import type {
  Cached,
  CachePort,
  CacheWrite,
  Meta,
  OutboxRow,
  SessionMembers,
  StreamRow,
} from "./cache_port.ts";
import { MemoryCache } from "./memory_cache.ts";

/** Opens the cache of one principal of one installation. May reject. */
export type OpenCache = (owner: string) => Promise<CachePort>;

/** Conversations whose messages are thrown away at once when the disk is full. */
const shed_when_full = 20;
const reopenings_max = 2;

export class SafeCache implements CachePort {
  readonly #open: OpenCache;
  #owner: string | null = null;
  #inner: CachePort = new MemoryCache();
  #reopenings = 0;
  /** Calls run one after another: a later write must not overtake an earlier one, nor reach another owner's cache. */
  #queue: Promise<unknown> = Promise.resolve();
  #kind: "indexeddb" | "memory" = "memory";
  /** The one thing that the engine may not have: it goes into whatever takes the place of a cache that failed. */
  readonly #outbox = new Map<string, OutboxRow>();

  constructor(open: OpenCache) {
    this.#open = open;
  }

  get kind(): "indexeddb" | "memory" {
    return this.#kind;
  }

  /** From now on it is this owner's. What was begun for another one ends first. */
  use(owner: string): void {
    if (this.#owner === owner) return;
    this.#owner = owner;
    this.#queue = this.#queue.then(async () => {
      this.#inner.close();
      this.#reopenings = 0;
      this.#outbox.clear();
      this.#inner = await this.#reopen(owner);
    });
  }

  /** What was asked for so far is done. */
  settled(): Promise<unknown> {
    return this.#queue;
  }

  load(): Promise<Cached> {
    return this.#run((cache) => cache.load());
  }
  messagesOf(sessionId: string): Promise<readonly Message[]> {
    return this.#run((cache) => cache.messagesOf(sessionId));
  }
  write(changes: CacheWrite): Promise<void> {
    return this.#run((cache) => cache.write(changes));
  }
  touch(sessionId: string, members: SessionMembers): Promise<void> {
    return this.#run((cache) => cache.touch(sessionId, members));
  }
  setMeta(members: Partial<Omit<Meta, "rev">>): Promise<void> {
    return this.#run((cache) => cache.setMeta(members));
  }
  putStreams(rows: readonly StreamRow[]): Promise<void> {
    return this.#run((cache) => cache.putStreams(rows));
  }
  markStream(sessionId: string, messageId: string, status: MessageStatus): Promise<void> {
    return this.#run((cache) => cache.markStream(sessionId, messageId, status));
  }
  dropStreams(taskIds: readonly string[]): Promise<void> {
    return this.#run((cache) => cache.dropStreams(taskIds));
  }
  outbox(): Promise<readonly OutboxRow[]> {
    return this.#run(async (cache) => {
      const rows = await cache.outbox();
      this.#outbox.clear();
      for (const row of rows) this.#outbox.set(row.key, row);
      return rows;
    });
  }
  putOutbox(row: OutboxRow): Promise<void> {
    return this.#run(async (cache) => {
      this.#outbox.set(row.key, row);
      await cache.putOutbox(row);
    });
  }
  dropOutbox(key: string): Promise<void> {
    return this.#run(async (cache) => {
      this.#outbox.delete(key);
      await cache.dropOutbox(key);
    });
  }
  forgetMessages(sessionIds: readonly string[]): Promise<void> {
    return this.#run((cache) => cache.forgetMessages(sessionIds));
  }
  eachMessage(visit: (message: Message) => void): Promise<void> {
    return this.#run((cache) => cache.eachMessage(visit));
  }
  close(): void {
    void this.#run(async (cache) => {
      // What comes late finds memory, and opens nothing again.
      this.#owner = null;
      this.#inner = new MemoryCache();
      cache.close();
    });
  }

  #run<T>(call: (cache: CachePort) => Promise<T>): Promise<T> {
    const result = this.#queue.then(() => this.#attempt(call));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #attempt<T>(call: (cache: CachePort) => Promise<T>): Promise<T> {
    for (;;) {
      const cache = this.#inner;
      try {
        return await call(cache);
      } catch (error) {
        if (cache.kind === "memory") throw error;
        await this.#mend(cache, error);
      }
    }
  }

  async #mend(cache: CachePort, error: unknown): Promise<void> {
    this.#reopenings += 1;
    const isHopeless = this.#reopenings > reopenings_max || this.#owner === null || cache.isOutdated === true;
    if (!isHopeless && isQuota(error)) {
      const isMended = await shed(cache).then(
        () => true,
        () => false,
      );
      if (isMended) return;
    }
    cache.close();
    const next =
      isHopeless || isQuota(error) || this.#owner === null
        ? new MemoryCache()
        : await this.#reopen(this.#owner);
    this.#kind = next.kind;
    this.#inner = next;
    await this.#carryOver(next).catch(() => {});
  }

  async #carryOver(next: CachePort): Promise<void> {
    for (const row of this.#outbox.values()) await next.putOutbox(row);
  }

  async #reopen(owner: string): Promise<CachePort> {
    try {
      const cache = await this.#open(owner);
      this.#kind = cache.kind;
      return cache;
    } catch {
      this.#kind = "memory";
      return new MemoryCache();
    }
  }
}

function isQuota(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const inner = "inner" in error ? error.inner : null;
  return (
    error.name === "QuotaExceededError" || (inner instanceof Error && inner.name === "QuotaExceededError")
  );
}

async function shed(cache: CachePort): Promise<void> {
  const { sessions } = await cache.load();
  const oldest = sessions
    .filter((row) => row.completeness === "full" || row.olderCursor !== null)
    .sort((left, right) => lastUse(left) - lastUse(right))
    .slice(0, shed_when_full);
  await cache.forgetMessages(oldest.map((row) => row.id));
}

function lastUse(row: { readonly lastAccess: number; readonly updatedAt: number }): number {
  return Math.max(row.lastAccess, row.updatedAt);
}
