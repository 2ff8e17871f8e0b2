/**
 * Applies the feed's changes. Where something lies between the replica's rev and the first one (this tab slept, or came late)
 * everything since the replica's rev is read from the engine instead, for as long as that takes: the rev must not go up over
 * changes that are missing, or nobody would ever ask for them.
 *
 * A tab that knows nothing and is fed by another one (which is told once what is there, by a snapshot) reads the list and
 * goes on from there: of what was before, nothing happens now.
 */
import type { Changes, Reply, Rev } from "../protocol/types.ts";
import { backoffMs } from "../sync/backoff.ts";
import type { Clock } from "../sync/clock.ts";
import type { Engine } from "./engine.ts";
import type { Replica } from "./replica.ts";

/** So many conversations are enough to begin with; the rest of the list is read when there is time. */
const first_conversations = 200;
/** A rev that was never given out: the reply to it has none but the current one. */
const no_rev: Rev = Number.MAX_SAFE_INTEGER;

export class ChangesApplier {
  readonly #engine: Engine;
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #onBegun: () => void;
  /** The highest rev that the feed told of while it was read on. */
  #wanted: Rev = 0;
  #reading: AbortController | null = null;
  #failures = 0;
  #endWaiting: (() => void) | null = null;

  /** `onBegun`: the list was read from the engine, because what this tab knew was nothing, or of another engine. */
  constructor(engine: Engine, replica: Replica, clock: Clock, onBegun: () => void) {
    this.#engine = engine;
    this.#replica = replica;
    this.#clock = clock;
    this.#onBegun = onBegun;
  }

  apply(changes: Changes, rev: Rev, from: Rev | null): void {
    const isGap = from !== null && (this.#isBehind || from > (this.#replica.rev ?? 0));
    if (isGap) {
      this.#wanted = Math.max(this.#wanted, rev);
      this.readOn();
      return;
    }
    if (from === null) this.forget();
    this.#replica.applyChanges(changes, rev, from === null);
  }

  /** Asks whether something is missing: a tab that is fed by another one was deaf for a while. */
  agree(): void {
    this.#wanted = Number.POSITIVE_INFINITY;
    this.readOn();
  }

  /** Reads what is missing now, if something is, instead of later. */
  readOn(): void {
    if (!this.#isBehind || this.#reading !== null) return;
    this.#endWaiting?.();
    this.#endWaiting = null;
    const reading = new AbortController();
    this.#reading = reading;
    void this.#read(reading.signal);
  }

  /** Somebody else is asking, or a snapshot says everything: nothing is missing. */
  forget(): void {
    this.#reading?.abort();
    this.#endWaiting?.();
    this.#reading = null;
    this.#endWaiting = null;
    this.#wanted = 0;
    this.#failures = 0;
  }

  get #isBehind(): boolean {
    return this.#wanted > (this.#replica.rev ?? 0);
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (this.#isBehind) {
      const reply = await this.#readSome(signal);
      if (signal.aborted) return;
      if (!reply.ok) {
        this.#failures += 1;
        const wait = backoffMs(this.#failures, this.#clock.random(), reply.problem.retry_after_ms);
        this.#reading = null;
        this.#endWaiting = this.#clock.after(wait, () => this.readOn());
        return;
      }
      this.#failures = 0;
      // Whatever the feed was told of: the engine has no more than this.
      if (reply.value !== null) this.#wanted = Math.min(this.#wanted, reply.value);
    }
    this.#reading = null;
  }

  /** Reads one page and applies it. The value is the engine's rev if there is nothing beyond it, else null. */
  async #readSome(signal: AbortSignal): Promise<Reply<Rev | null>> {
    const since = this.#replica.rev ?? no_rev;
    const reply = await this.#engine.changes(since, undefined, signal);
    if (!reply.ok || signal.aborted) return reply.ok ? { ok: true, value: null } : reply;
    const { rev, more } = reply.value;
    if (rev < since) return this.#begin(rev, signal);
    this.#replica.applyChanges(reply.value, rev, false);
    return { ok: true, value: rev === since && !more ? rev : null };
  }

  /** The list is read after the rev, so that it is as new or newer: what came in between is told once more. */
  async #begin(rev: Rev, signal: AbortSignal): Promise<Reply<Rev | null>> {
    const list = await this.#engine.conversations({ limit: first_conversations }, signal);
    if (!list.ok || signal.aborted) return list.ok ? { ok: true, value: null } : list;
    if (this.#replica.rev !== null) this.#replica.applyChanges(nothing, 0, true);
    this.#replica.merge({ conversations: list.value.data }, "read");
    this.#replica.applyChanges(nothing, rev, false);
    this.#onBegun();
    return { ok: true, value: null };
  }
}

const nothing: Changes = { conversations: [], messages: [], tasks: [] };
