/** What this browser knows of conversations beyond the engine's words: when they were opened, which branch, what is unseen. */
import type { CachePort, SessionMembers, SessionRow } from "./cache_port.ts";

export interface SessionNote {
  readonly lastAccess: number;
  readonly olderCursor: string | null;
  readonly branch: string | null;
  readonly unread: readonly string[];
  /** The cache has messages of it that may not be in memory yet. */
  readonly completeness: "full" | "title";
}

const blank: SessionNote = {
  lastAccess: 0,
  olderCursor: null,
  branch: null,
  unread: [],
  completeness: "title",
};

export class Sessions {
  readonly #notes = new Map<string, SessionNote>();
  readonly #cache: CachePort;
  readonly #watchers = new Set<(id: string) => void>();

  constructor(cache: CachePort) {
    this.#cache = cache;
  }

  get(id: string): SessionNote {
    return this.#notes.get(id) ?? blank;
  }

  onChange(watcher: (id: string) => void): void {
    this.#watchers.add(watcher);
  }

  restore(rows: readonly SessionRow[]): void {
    for (const row of rows) {
      const { lastAccess, olderCursor, branch, unread, completeness } = row;
      this.#notes.set(row.id, { lastAccess, olderCursor, branch, unread, completeness });
    }
  }

  set(id: string, members: SessionMembers): void {
    this.#notes.set(id, { ...this.get(id), ...members });
    void this.#cache.touch(id, members);
    for (const watcher of this.#watchers) watcher(id);
  }

  unreadTotal(): number {
    let total = 0;
    for (const note of this.#notes.values()) total += note.unread.length;
    return total;
  }

  all(): ReadonlyMap<string, SessionNote> {
    return this.#notes;
  }

  remove(id: string): void {
    this.#notes.delete(id);
  }

  forget(): void {
    this.#notes.clear();
  }
}
