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
import type { CachePort, OutboxRow } from "./cache_port.ts";
import type { Keys } from "./keys.ts";
import { type Entry, OutboxEntries, type Settled } from "./outbox_entries.ts";
import { Recognition } from "./outbox_recognition.ts";
import { OutboxRows } from "./outbox_rows.ts";
import { OutboxSender, type SenderParts } from "./outbox_sender.ts";

export type { Entry } from "./outbox_entries.ts";
export { answerKey } from "./outbox_recognition.ts";

export interface OutboxParts extends SenderParts {
  readonly cache: CachePort;
  readonly keys: Keys;
  /** Rows in the cache changed: other tabs show them too. */
  readonly changedInCache: () => void;
}

const sent_kept_ms = 24 * 3_600_000;

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #rows: OutboxRows;
  readonly #entries: OutboxEntries;
  readonly #recognition: Recognition;
  readonly #sender: OutboxSender;
  /** How often everything was forgotten, with its owner. */
  #forgotten = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#rows = new OutboxRows(parts.cache, parts.changedInCache);
    this.#entries = new OutboxEntries(this.#rows);
    this.#recognition = new Recognition(this.#entries, parts.replica, parts.keys);
    this.#sender = new OutboxSender(parts, this.#rows, this.#entries, this.#recognition);
  }

  onChange(watcher: (conversationId: string) => void): void {
    this.#entries.onChange(watcher);
  }

  /** Of one conversation (by either id), in order; what the replica already shows is left out. */
  entriesOf(conversationId: string): readonly Entry[] {
    const id = this.resolve(conversationId);
    return this.all().filter(
      (entry) => this.resolve(entry.row.conversationId) === id && entry.recognised === null,
    );
  }

  all(): readonly Entry[] {
    return this.#entries.all();
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The engine's id of a conversation, if it has one by now. */
  resolve(conversationId: string): string {
    return this.#entries.resolve(conversationId);
  }

  waiting(): number {
    return this.all().filter((entry) => entry.phase === "waiting" || entry.phase === "sending").length;
  }

  add(what: OutboxRow["what"], conversationId: string, content: string, model: string | null): OutboxRow {
    const now = this.#parts.clock.now();
    const row: OutboxRow = {
      key: `local-${randomId()}`,
      idempotencyKey: randomId(),
      order: this.#entries.nextOrder(now),
      conversationId,
      what,
      content,
      model,
      state: "waiting",
      problem: null,
      createdAt: now,
      ...(this.#parts.canSend() ? { triedAt: now } : {}),
    };
    this.#keep({ row, phase: "waiting", recognised: null, submission: null });
    return row;
  }

  /** Resolves when the engine has it or has refused it, or at once when it can only wait. */
  settled(key: string): Promise<Settled> {
    return this.#parts.canSend() ? this.#entries.settled(key) : Promise.resolve({ problem: null });
  }

  /** The cache of somebody was opened: what was written before that goes into it, what it has kept comes out. */
  async restore(): Promise<void> {
    const written = this.all().filter(({ phase }) => phase !== "accepted");
    // Asked for at once, so that none of them gets into the cache of somebody else.
    await Promise.all(written.map(({ row }) => this.#rows.putQuietly(row)));
    await this.#rows.dropSentBefore(this.#parts.clock.now() - sent_kept_ms);
    await this.reload();
  }

  /** Another tab has changed what the cache keeps. */
  async reload(): Promise<void> {
    // What is written while the cache is read may not be in it yet.
    const expected = this.#rows.keptKeys();
    const forgotten = this.#forgotten;
    const rows = await this.#rows.read();
    // They are of an owner who is gone: the next one must neither see nor send them.
    if (forgotten !== this.#forgotten) return;
    const kept = new Set(rows.map((row) => row.key));
    for (const key of expected) {
      const entry = this.#entries.get(key);
      if (kept.has(key) || entry === undefined || isUnderWay(entry)) continue;
      this.#entries.drop(entry);
    }
    for (const row of rows) {
      this.#entries.noteOrder(row.order);
      const known = this.#entries.get(row.key);
      if (row.sent !== undefined) this.#recognition.learn(row, row.sent);
      else if (known === undefined || !isUnderWay(known)) {
        const recognised = known?.recognised ?? null;
        this.#entries.set({ row, phase: row.state, recognised, submission: null });
      }
    }
    this.pump();
  }

  resend(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.phase !== "unsent") return;
    // A new key: the engine may have kept its answer to the old one.
    const { triedAt: _, ...kept } = entry.row;
    const row: OutboxRow = { ...kept, state: "waiting", problem: null, idempotencyKey: randomId() };
    this.#keep({ ...entry, row, phase: "waiting" });
  }

  /** Throws it away, if it was not sent. Returns its text. */
  discard(key: string): string | null {
    const entry = this.#entries.get(key);
    if (entry === undefined || (entry.phase !== "unsent" && entry.phase !== "waiting")) return null;
    this.#entries.drop(entry);
    void this.#rows.drop(key);
    return entry.row.content;
  }

  /** Keeps again what was thrown away; it is sent if it was waiting for that. */
  takeBack(row: OutboxRow): void {
    this.#keep({ row, phase: row.state, recognised: null, submission: null });
  }

  /** Tries what waits. Called when anything changed that may let it go. */
  pump(): void {
    this.#sender.pump();
  }

  forget(): void {
    this.#forgotten += 1;
    this.#entries.forget();
    this.#rows.forget();
    this.stop();
  }

  stop(): void {
    this.#sender.stop();
  }

  /** Shown at once; sent when it is in the cache. */
  #keep(entry: Entry): void {
    this.#entries.set(entry);
    void this.#rows.put(entry.row).then(() => this.pump());
  }
}

/** What the engine has, or may have at any moment, is no other tab's to change. */
function isUnderWay({ phase }: Entry): boolean {
  return phase === "sending" || phase === "accepted";
}
