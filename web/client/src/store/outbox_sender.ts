/**
 * Sends what waits in the outbox: messages of one conversation in their order, one tab at a time, and with growing pauses
 * while the engine does not take them.
 */
import type { Reply, Submission } from "../protocol/types.ts";
import { backoffMs } from "../sync/backoff.ts";
import type { Clock } from "../sync/clock.ts";
import type { OutboxRow } from "./cache_port.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import type { Entry, OutboxEntries } from "./outbox_entries.ts";
import type { Recognition } from "./outbox_recognition.ts";
import type { OutboxRows } from "./outbox_rows.ts";
import { isTooLate, mayPass, sentRow, submitRow, tried_long_ago } from "./outbox_rules.ts";
import type { Replica } from "./replica.ts";

export interface SenderParts {
  readonly engine: Engine;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  /** Whether it is worth trying: somebody is known and the network is there. */
  readonly canSend: () => boolean;
  readonly owner: () => string;
}

const retry_first_ms = 2_000;

/** What follows a try: the next row, or a pause of so many milliseconds. */
type Next = "go_on" | number;

export class OutboxSender {
  readonly #parts: SenderParts;
  readonly #rows: OutboxRows;
  readonly #entries: OutboxEntries;
  readonly #recognition: Recognition;
  readonly #sendingIn = new Set<string>();
  #failuresInRow = 0;
  #retryEnds: (() => void) | null = null;

  constructor(parts: SenderParts, rows: OutboxRows, entries: OutboxEntries, recognition: Recognition) {
    this.#parts = parts;
    this.#rows = rows;
    this.#entries = entries;
    this.#recognition = recognition;
  }

  /** Tries what waits. Called when anything changed that may let it go. */
  pump(): void {
    if (!this.#parts.canSend()) return;
    const blocked = new Set<string>();
    for (const { row, phase } of this.#entries.all()) {
      const conversation = this.#entries.resolve(row.conversationId);
      if (blocked.has(conversation) || phase === "accepted" || phase === "unsent") continue;
      blocked.add(conversation);
      if (phase === "waiting" && this.#rows.isKept(row.key) && !this.#sendingIn.has(conversation))
        void this.#send(row.key, conversation);
    }
  }

  stop(): void {
    this.#retryEnds?.();
  }

  async #send(key: string, conversation: string): Promise<void> {
    const { environment, owner } = this.#parts;
    this.#sendingIn.add(conversation);
    let next: Next = "go_on";
    try {
      await environment.withLock(`throughline-outbox-${owner()}-${conversation}`, async () => {
        const row = await this.#rows.find(key);
        const entry = this.#entries.get(key);
        if (entry === undefined) return;
        // Another tab has thrown it away, or sent it.
        if (row === undefined) this.#entries.drop(entry);
        else if (row.sent !== undefined) this.#recognition.learn(row, row.sent);
        else next = await this.#try(entry, row);
      });
    } finally {
      this.#sendingIn.delete(conversation);
    }
    if (next === "go_on") this.pump();
    else this.#retryAfter(next);
  }

  async #try(entry: Entry, row: OutboxRow): Promise<Next> {
    const now = this.#parts.clock.now();
    const triedAt = row.triedAt ?? now;
    if (isTooLate(triedAt, now)) return this.#lookWhetherSent(row);
    const tried = { ...row, triedAt };
    // From here on it is not thrown away any more: that would leave nothing to tell of what is sent.
    this.#entries.set({ ...entry, row: tried, phase: "sending" });
    if (row.triedAt === undefined) await this.#rows.putQuietly(tried);
    // Its owner may be gone.
    if (this.#entries.get(row.key) === undefined) return "go_on";
    const conversation = this.#entries.resolve(row.conversationId);
    return this.#settle(row.key, await submitRow(this.#parts.engine, tried, conversation));
  }

  /** The engine would store it again. If it is there it is recognised as soon as it is read. */
  async #lookWhetherSent(row: OutboxRow): Promise<Next> {
    const { engine, replica } = this.#parts;
    const conversation = this.#entries.resolve(row.conversationId);
    const reply = await engine.messages(conversation, { limit: 100, order: "desc" });
    // Its owner may be gone.
    if (this.#entries.get(row.key) === undefined) return "go_on";
    if (reply.ok) replica.merge({ messages: reply.value.data }, "read");
    const entry = this.#entries.get(row.key);
    if (entry === undefined) return "go_on";
    if (entry.recognised === null) return this.#refuse(entry, { ...row, problem: tried_long_ago });
    this.#entries.drop(entry);
    await this.#rows.drop(row.key);
    return "go_on";
  }

  async #settle(key: string, reply: Reply<Submission>): Promise<Next> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return "go_on";
    if (reply.ok) {
      this.#failuresInRow = 0;
      this.#recognition.accept(entry, reply.value);
      await this.#rows.put(sentRow(entry.row, reply.value));
      return "go_on";
    }
    const { problem } = reply;
    if (!mayPass(problem)) return this.#refuse(entry, { ...entry.row, problem });
    this.#entries.set({ ...entry, phase: "waiting" });
    this.#entries.settle(key, null);
    this.#failuresInRow += 1;
    const chance = this.#parts.clock.random();
    return backoffMs(this.#failuresInRow, chance, problem.retry_after_ms, retry_first_ms);
  }

  async #refuse(entry: Entry, because: OutboxRow): Promise<Next> {
    const row: OutboxRow = { ...because, state: "unsent" };
    this.#recognition.takeBack(entry);
    this.#entries.set({ ...entry, row, phase: "unsent", recognised: null });
    await this.#rows.put(row);
    this.#entries.settle(row.key, row.problem);
    return "go_on";
  }

  #retryAfter(milliseconds: number): void {
    this.#retryEnds?.();
    this.#retryEnds = this.#parts.clock.after(milliseconds, () => this.pump());
  }
}
