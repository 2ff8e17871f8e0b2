/** The rows of the outbox as the cache has them, for this tab and the others. */
import type { CachePort, OutboxRow } from "./cache_port.ts";

export class OutboxRows {
  readonly #cache: CachePort;
  readonly #changed: () => void;
  /** Rows that the cache has, or had until another tab threw them away: only these are missed there. */
  readonly #inCache = new Set<string>();

  /** `changed`: the other tabs have to hear of it. */
  constructor(cache: CachePort, changed: () => void) {
    this.#cache = cache;
    this.#changed = changed;
  }

  isKept(key: string): boolean {
    return this.#inCache.has(key);
  }

  keptKeys(): ReadonlySet<string> {
    return new Set(this.#inCache);
  }

  async read(): Promise<readonly OutboxRow[]> {
    const rows = await this.#cache.outbox();
    for (const row of rows) this.#inCache.add(row.key);
    return rows;
  }

  async find(key: string): Promise<OutboxRow | undefined> {
    return (await this.#cache.outbox()).find((row) => row.key === key);
  }

  /** For what the other tabs need not hear of. */
  async putQuietly(row: OutboxRow): Promise<void> {
    await this.#cache.putOutbox(row);
    this.#inCache.add(row.key);
  }

  async put(row: OutboxRow): Promise<void> {
    await this.putQuietly(row);
    this.#changed();
  }

  async drop(key: string): Promise<void> {
    await this.#cache.dropOutbox(key);
    this.#changed();
  }

  /** Throws away what is kept of rows that were sent before then. */
  async dropSentBefore(time: number): Promise<void> {
    for (const { key, sent, createdAt } of await this.#cache.outbox()) {
      if (sent !== undefined && createdAt < time) await this.#cache.dropOutbox(key);
    }
  }

  /** Nobody misses this row any more. */
  letGo(key: string): void {
    this.#inCache.delete(key);
  }

  forget(): void {
    this.#inCache.clear();
  }
}
