/**
 * Applies the feed's changes. Where something lies between the replica's rev and the first one (this tab slept, or came late)
 * everything since the replica's rev is read from the engine instead, for as long as that takes: the rev must not go up over
 * changes that are missing, or nobody would ever ask for them.
 */
import type { Changes, Rev } from "../protocol/types.ts";
import { backoffMs } from "../sync/backoff.ts";
import type { Clock } from "../sync/clock.ts";
import type { Engine } from "./engine.ts";
import type { Replica } from "./replica.ts";

export class ChangesApplier {
  readonly #engine: Engine;
  readonly #replica: Replica;
  readonly #clock: Clock;
  /** The highest rev that the feed told of while it was read on. */
  #wanted: Rev = 0;
  #reading: AbortController | null = null;
  #failures = 0;
  #endWaiting: (() => void) | null = null;

  constructor(engine: Engine, replica: Replica, clock: Clock) {
    this.#engine = engine;
    this.#replica = replica;
    this.#clock = clock;
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
      const since = this.#replica.rev ?? 0;
      const reply = await this.#engine.changes(since, undefined, signal);
      if (signal.aborted) return;
      if (!reply.ok) {
        this.#failures += 1;
        const wait = backoffMs(this.#failures, this.#clock.random(), reply.problem.retry_after_ms);
        this.#reading = null;
        this.#endWaiting = this.#clock.after(wait, () => this.readOn());
        return;
      }
      this.#failures = 0;
      const { rev, more } = reply.value;
      if (rev < since) this.#replica.applyChanges(nothing, 0, true);
      else this.#replica.applyChanges(reply.value, rev, false);
      // Whatever the feed was told of: the engine has no more than this.
      if (rev <= since && !more) this.#wanted = Math.min(this.#wanted, rev);
    }
    this.#reading = null;
  }
}

const nothing: Changes = { conversations: [], messages: [], tasks: [] };
