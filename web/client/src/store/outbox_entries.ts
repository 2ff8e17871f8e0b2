/** What is in the outbox, as this tab knows it, and who waits for what becomes of it. */
import type { Problem, Submission } from "../protocol/types.ts";
import type { OutboxRow } from "./cache_port.ts";
import type { OutboxRows } from "./outbox_rows.ts";

export interface Entry {
  readonly row: OutboxRow;
  readonly phase: "waiting" | "sending" | "accepted" | "unsent";
  /** The message of the replica that this is, as far as one can tell before the reply. */
  readonly recognised: string | null;
  readonly submission: Submission | null;
}

export interface Settled {
  readonly problem: Problem | null;
}

export class OutboxEntries {
  readonly #rows: OutboxRows;
  readonly #entries = new Map<string, Entry>();
  /** Engine ids of conversations that began here, by their local ids. */
  readonly #begun = new Map<string, string>();
  readonly #watchers = new Set<(conversationId: string) => void>();
  readonly #settled = new Map<string, ((settled: Settled) => void)[]>();
  #lastOrder = 0;

  constructor(rows: OutboxRows) {
    this.#rows = rows;
  }

  onChange(watcher: (conversationId: string) => void): void {
    this.#watchers.add(watcher);
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** In the order in which they were written. */
  all(): readonly Entry[] {
    return [...this.#entries.values()].sort((left, right) => left.row.order - right.row.order);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** The order of a row that is written now: behind all others. */
  nextOrder(now: number): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, now * 1_000);
    return this.#lastOrder;
  }

  /** Of a row that is there already. */
  noteOrder(order: number): void {
    this.#lastOrder = Math.max(this.#lastOrder, order);
  }

  set(entry: Entry): void {
    this.#entries.set(entry.row.key, entry);
    this.#changed(entry.row.conversationId);
  }

  drop({ row }: Entry): void {
    this.#rows.letGo(row.key);
    this.#entries.delete(row.key);
    this.settle(row.key, null);
    this.#changed(row.conversationId);
  }

  /** The engine's id of a conversation, if it has one by now. */
  resolve(conversationId: string): string {
    return this.#begun.get(conversationId) ?? conversationId;
  }

  /** The engine has given the conversation its id. */
  begin(localId: string, id: string): void {
    if (this.#begun.get(localId) === id) return;
    this.#begun.set(localId, id);
    this.#changed(localId);
  }

  /** Resolves with what becomes of the row. */
  settled(key: string): Promise<Settled> {
    return new Promise((resolve) => {
      this.#settled.set(key, [...(this.#settled.get(key) ?? []), resolve]);
    });
  }

  settle(key: string, problem: Problem | null): void {
    const waiting = this.#settled.get(key) ?? [];
    this.#settled.delete(key);
    for (const resolve of waiting) resolve({ problem });
  }

  forget(): void {
    this.#entries.clear();
    this.#begun.clear();
  }

  #changed(conversationId: string): void {
    for (const watcher of this.#watchers) watcher(conversationId);
  }
}
