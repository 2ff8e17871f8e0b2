/**
 * What was written here and the engine may not have. A message is shown at once, kept (with its idempotency key) before the
 * first try, and tried until the engine has it or refuses it; messages of one conversation go in their order, and only one
 * tab sends at a time. The engine's `change` may tell of a message before its own reply does, or instead of it, when the
 * reply was lost: then the message is recognised and takes over the row's key.
 *
 * Whichever tab sends, all have to learn what came of it, the one above all that shows a conversation under its local id: so the
 * row stays in the cache for a day, without its text, with the engine's reply. A row that is gone was thrown away.
 *
 *   waiting -> sending -> accepted -> gone (the replica has the message)
 *      ^          | no reply, busy        | refused
 *      +----------+                       +-> unsent -> waiting (resend) | gone (discard)
 */

import { randomId } from "../protocol/random_id.ts";
import type { Message, Problem, Reply, Submission } from "../protocol/types.ts";
import { backoffMs } from "../sync/backoff.ts";
import type { Clock } from "../sync/clock.ts";
import type { CachePort, OutboxRow } from "./cache_port.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import type { Keys } from "./keys.ts";
import { isTooLate, looksLike, mayPass, sentRow, submitRow, tried_long_ago } from "./outbox_rules.ts";
import type { Merged, Replica } from "./replica.ts";

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

export interface OutboxParts {
  readonly engine: Engine;
  readonly cache: CachePort;
  readonly replica: Replica;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  /** Whether it is worth trying: somebody is known and the network is there. */
  readonly canSend: () => boolean;
  readonly owner: () => string;
  /** Rows in the cache changed: other tabs show them too. */
  readonly changedInCache: () => void;
}

const retry_first_ms = 2_000;
const sent_kept_ms = 24 * 3_600_000;

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #entries = new Map<string, Entry>();
  /** Engine ids of conversations that began here, by their local ids. */
  readonly #begun = new Map<string, string>();
  /** Rows that the cache has, or had until another tab threw them away: only these are missed there. */
  readonly #inCache = new Set<string>();
  readonly #sendingIn = new Set<string>();
  readonly #watchers = new Set<(conversationId: string) => void>();
  readonly #settled = new Map<string, ((settled: Settled) => void)[]>();
  #lastOrder = 0;
  #failuresInRow = 0;
  #retryEnds: (() => void) | null = null;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    parts.replica.onMerge((merged) => this.#onMerge(merged));
  }

  onChange(watcher: (conversationId: string) => void): void {
    this.#watchers.add(watcher);
  }

  /** Of one conversation (by either id), in order; what the replica already shows is left out. */
  entriesOf(conversationId: string): readonly Entry[] {
    const id = this.resolve(conversationId);
    return this.all().filter(
      (entry) => this.resolve(entry.row.conversationId) === id && entry.recognised === null,
    );
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()].sort((left, right) => left.row.order - right.row.order);
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The engine's id of a conversation, if it has one by now. */
  resolve(conversationId: string): string {
    return this.#begun.get(conversationId) ?? conversationId;
  }

  waiting(): number {
    return this.all().filter((entry) => entry.phase === "waiting" || entry.phase === "sending").length;
  }

  add(what: OutboxRow["what"], conversationId: string, content: string, model: string | null): OutboxRow {
    const now = this.#parts.clock.now();
    this.#lastOrder = Math.max(this.#lastOrder + 1, now * 1_000);
    const row: OutboxRow = {
      key: `local-${randomId()}`,
      idempotencyKey: randomId(),
      order: this.#lastOrder,
      conversationId,
      what,
      content,
      model,
      state: "waiting",
      problem: null,
      createdAt: now,
      ...(this.#parts.canSend() ? { triedAt: now } : {}),
    };
    this.#set({ row, phase: "waiting", recognised: null, submission: null });
    void this.#keep(row).then(() => this.pump());
    return row;
  }

  /** Resolves when the engine has it or has refused it, or at once when it can only wait. */
  settled(key: string): Promise<Settled> {
    if (!this.#parts.canSend()) return Promise.resolve({ problem: null });
    return new Promise((resolve) => {
      const waiting = this.#settled.get(key) ?? [];
      waiting.push(resolve);
      this.#settled.set(key, waiting);
    });
  }

  /** The cache of somebody was opened: what was written before that goes into it, what it has kept comes out. */
  async restore(): Promise<void> {
    const { cache, clock } = this.#parts;
    for (const { row, phase } of this.all()) {
      if (phase === "accepted") continue;
      await cache.putOutbox(row);
      this.#inCache.add(row.key);
    }
    for (const { key, sent, createdAt } of await cache.outbox()) {
      if (sent !== undefined && createdAt < clock.now() - sent_kept_ms) await cache.dropOutbox(key);
    }
    await this.reload();
  }

  /** Another tab has changed what the cache keeps. */
  async reload(): Promise<void> {
    // What is written while the cache is read may not be in it yet.
    const expected = new Set(this.#inCache);
    const rows = await this.#parts.cache.outbox();
    const kept = new Set(rows.map((row) => row.key));
    for (const row of rows) this.#inCache.add(row.key);
    for (const key of expected) {
      const entry = this.#entries.get(key);
      if (kept.has(key) || entry === undefined) continue;
      if (entry.phase !== "accepted" && entry.phase !== "sending") this.#drop(entry);
    }
    for (const row of rows) {
      this.#lastOrder = Math.max(this.#lastOrder, row.order);
      const known = this.#entries.get(row.key);
      if (row.sent !== undefined) {
        this.#learn(row, row.sent);
        continue;
      }
      if (known === undefined || (known.phase !== "sending" && known.phase !== "accepted")) {
        this.#set({ row, phase: row.state, recognised: known?.recognised ?? null, submission: null });
      }
    }
    this.pump();
  }

  resend(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.phase !== "unsent") return;
    // A new key: the engine may have kept its answer to the old one.
    const { triedAt: _, ...kept } = entry.row;
    const row: OutboxRow = {
      ...kept,
      state: "waiting",
      problem: null,
      idempotencyKey: randomId(),
    };
    this.#set({ ...entry, row, phase: "waiting" });
    void this.#keep(row).then(() => this.pump());
  }

  /** Throws it away, if it was not sent. Returns its text. */
  discard(key: string): string | null {
    const entry = this.#entries.get(key);
    if (entry === undefined || (entry.phase !== "unsent" && entry.phase !== "waiting")) return null;
    this.#drop(entry);
    void this.#unkeep(key);
    return entry.row.content;
  }

  /** Keeps again what was thrown away; it is sent if it was waiting for that. */
  takeBack(row: OutboxRow): void {
    this.#set({ row, phase: row.state, recognised: null, submission: null });
    void this.#keep(row).then(() => this.pump());
  }

  forget(): void {
    this.#entries.clear();
    this.#begun.clear();
    this.#inCache.clear();
    this.stop();
  }

  stop(): void {
    this.#retryEnds?.();
  }

  /** Tries what waits. Called when anything changed that may let it go. */
  pump(): void {
    if (!this.#parts.canSend()) return;
    const blocked = new Set<string>();
    for (const entry of this.all()) {
      const conversation = this.resolve(entry.row.conversationId);
      if (blocked.has(conversation) || entry.phase === "accepted" || entry.phase === "unsent") continue;
      blocked.add(conversation);
      if (entry.phase === "waiting" && this.#inCache.has(entry.row.key) && !this.#sendingIn.has(conversation))
        void this.#send(entry.row.key, conversation);
    }
  }

  async #send(key: string, conversation: string): Promise<void> {
    const { cache, environment, owner } = this.#parts;
    this.#sendingIn.add(conversation);
    let next: "go_on" | number = "go_on";
    try {
      await environment.withLock(`throughline-outbox-${owner()}-${conversation}`, async () => {
        const row = (await cache.outbox()).find((each) => each.key === key);
        const entry = this.#entries.get(key);
        if (entry === undefined) return;
        if (row === undefined) {
          // Another tab has thrown it away.
          this.#drop(entry);
          return;
        }
        if (row.sent !== undefined) {
          this.#learn(row, row.sent);
          return;
        }
        next = await this.#try(entry, row);
      });
    } finally {
      this.#sendingIn.delete(conversation);
    }
    if (next === "go_on") this.pump();
    else this.#retryAfter(next);
  }

  async #try(entry: Entry, row: OutboxRow): Promise<"go_on" | number> {
    const now = this.#parts.clock.now();
    const triedAt = row.triedAt ?? now;
    if (isTooLate(triedAt, now)) return this.#lookWhetherSent(row);
    const tried = { ...row, triedAt };
    if (row.triedAt === undefined) await this.#parts.cache.putOutbox(tried);
    this.#set({ ...entry, row: tried, phase: "sending" });
    return this.#settle(
      row.key,
      await submitRow(this.#parts.engine, tried, this.resolve(row.conversationId)),
    );
  }

  /** The engine would store it again. If it is there it is recognised as soon as it is read. */
  async #lookWhetherSent(row: OutboxRow): Promise<"go_on" | number> {
    const { engine, replica } = this.#parts;
    const reply = await engine.messages(this.resolve(row.conversationId), { limit: 100, order: "desc" });
    if (reply.ok) replica.merge({ messages: reply.value.data }, "read");
    const entry = this.#entries.get(row.key);
    if (entry === undefined) return "go_on";
    if (entry.recognised === null) return this.#refuse(entry, row, tried_long_ago);
    this.#drop(entry);
    await this.#unkeep(row.key);
    return "go_on";
  }

  async #settle(key: string, reply: Reply<Submission>): Promise<"go_on" | number> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return "go_on";
    if (reply.ok) {
      this.#failuresInRow = 0;
      this.#accept(entry, reply.value);
      await this.#keep(sentRow(entry.row, reply.value));
      return "go_on";
    }
    const { problem } = reply;
    if (mayPass(problem)) {
      this.#set({ ...entry, phase: "waiting" });
      this.#tell(key, { problem: null });
      this.#failuresInRow += 1;
      const chance = this.#parts.clock.random();
      return backoffMs(this.#failuresInRow, chance, problem.retry_after_ms, retry_first_ms);
    }
    return this.#refuse(entry, entry.row, problem);
  }

  async #refuse(entry: Entry, kept: OutboxRow, problem: Problem): Promise<"go_on"> {
    const row: OutboxRow = { ...kept, state: "unsent", problem };
    // What looked like it was another one's.
    if (entry.recognised !== null) this.#parts.keys.take(entry.recognised);
    this.#set({ ...entry, row, phase: "unsent", recognised: null });
    await this.#keep(row);
    this.#tell(row.key, { problem });
    return "go_on";
  }

  /** A tab, perhaps this one before a reload, has sent it. */
  #learn(row: OutboxRow, sent: Submission): void {
    const entry = this.#entries.get(row.key);
    if (entry !== undefined && entry.phase !== "accepted") this.#accept(entry, sent);
    else if (sent.session_id !== undefined && !this.#begun.has(row.conversationId)) {
      this.#begun.set(row.conversationId, sent.session_id);
      for (const watcher of this.#watchers) watcher(row.conversationId);
    }
  }

  #accept(entry: Entry, submission: Submission): void {
    const { keys, replica } = this.#parts;
    if (submission.session_id !== undefined) this.#begun.set(entry.row.conversationId, submission.session_id);
    const answer = replica.messages.get(submission.message_id);
    const questionId = submission.user_message_id ?? answer?.parent_id ?? null;
    if (entry.recognised !== null && questionId !== null && entry.recognised !== questionId) {
      keys.take(entry.recognised);
    }
    if (questionId !== null) keys.give(questionId, entry.row.key);
    if (answer === undefined) {
      keys.give(submission.message_id, answerKey(entry.row.key));
      this.#set({ ...entry, phase: "accepted", submission, recognised: null });
    } else this.#drop(entry);
    this.#tell(entry.row.key, { problem: null });
  }

  #onMerge(merged: Merged): void {
    if (this.#entries.size === 0) return;
    for (const { before, now } of merged.messages) {
      for (const entry of this.#entries.values()) {
        if (entry.submission?.message_id === now.id) this.#take(entry, now);
        else if (before === undefined && now.role === "user" && this.#mayBe(entry, now)) {
          this.#parts.keys.give(now.id, entry.row.key);
          if (entry.row.what.kind === "begin") this.#begun.set(entry.row.conversationId, now.conversation_id);
          this.#set({ ...entry, recognised: now.id });
          break;
        }
      }
    }
  }

  /** The answer of an accepted row is here: so is its question, and the row is done. */
  #take(entry: Entry, answer: Message): void {
    if (answer.parent_id !== null) this.#parts.keys.give(answer.parent_id, entry.row.key);
    this.#drop(entry);
  }

  /** Nothing but a lost or late reply tells a row from the message that it became. */
  #mayBe(entry: Entry, message: Message): boolean {
    const { keys, replica } = this.#parts;
    if (entry.phase === "accepted" || entry.phase === "unsent" || entry.recognised !== null) return false;
    const isNamed = keys.keyOf(message.id) !== message.id;
    return !isNamed && looksLike(entry.row, message, replica, this.resolve(entry.row.conversationId));
  }

  async #keep(row: OutboxRow): Promise<void> {
    await this.#parts.cache.putOutbox(row);
    this.#inCache.add(row.key);
    this.#parts.changedInCache();
  }

  async #unkeep(key: string): Promise<void> {
    await this.#parts.cache.dropOutbox(key);
    this.#parts.changedInCache();
  }

  #set(entry: Entry): void {
    this.#entries.set(entry.row.key, entry);
    for (const watcher of this.#watchers) watcher(entry.row.conversationId);
  }

  #drop(entry: Entry): void {
    this.#inCache.delete(entry.row.key);
    this.#entries.delete(entry.row.key);
    this.#tell(entry.row.key, { problem: null });
    for (const watcher of this.#watchers) watcher(entry.row.conversationId);
  }

  #tell(key: string, settled: Settled): void {
    const waiting = this.#settled.get(key) ?? [];
    this.#settled.delete(key);
    for (const resolve of waiting) resolve(settled);
  }

  #retryAfter(milliseconds: number): void {
    this.#retryEnds?.();
    this.#retryEnds = this.#parts.clock.after(milliseconds, () => this.pump());
  }
}

/** The key of the answer to a question that is in the outbox. */
export function answerKey(rowKey: string): string {
  return `${rowKey}:answer`;
}
