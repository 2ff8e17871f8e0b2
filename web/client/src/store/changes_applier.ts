/** Applies the feed's changes in order; what lies between the replica's rev and the first one is asked for. */
import type { Changes, Rev } from "../protocol/types.ts";
import type { Engine } from "./engine.ts";
import type { Replica } from "./replica.ts";

export class ChangesApplier {
  readonly #engine: Engine;
  readonly #replica: Replica;
  #queue: Promise<void> = Promise.resolve();
  #isQueued = 0;
  #generation = 0;

  constructor(engine: Engine, replica: Replica) {
    this.#engine = engine;
    this.#replica = replica;
  }

  apply(changes: Changes, rev: Rev, from: Rev | null): void {
    if (this.#isQueued === 0 && !this.#isGap(from)) this.#applyNow(changes, rev, from);
    else {
      this.#enqueue(
        () => this.#isGap(from),
        () => this.#applyNow(changes, rev, from),
      );
    }
  }

  /** Asks for what came meanwhile: a tab that is fed by another one was deaf for a while. */
  agree(): void {
    this.#enqueue(
      () => true,
      () => {},
    );
  }

  #enqueue(isGap: () => boolean, then: () => void): void {
    const generation = this.#generation;
    this.#isQueued += 1;
    this.#queue = this.#queue.then(async () => {
      if (generation !== this.#generation) return;
      if (isGap()) await this.#fillGap();
      if (generation !== this.#generation) return;
      this.#isQueued -= 1;
      then();
    });
  }

  /** Somebody else is asking: what waits is not for them. */
  forget(): void {
    this.#generation += 1;
    this.#isQueued = 0;
    this.#queue = Promise.resolve();
  }

  #isGap(from: Rev | null): boolean {
    return from !== null && from > (this.#replica.rev ?? 0);
  }

  #applyNow(changes: Changes, rev: Rev, from: Rev | null): void {
    this.#replica.applyChanges(changes, rev, from === null);
  }

  async #fillGap(): Promise<void> {
    for (;;) {
      const since = this.#replica.rev ?? 0;
      const reply = await this.#engine.changes(since);
      // The next reconnect begins from the replica's rev, which is still the one before the gap.
      if (!reply.ok) return;
      const isForeign = reply.value.rev < since;
      this.#replica.applyChanges(
        isForeign ? nothing : reply.value,
        isForeign ? 0 : reply.value.rev,
        isForeign,
      );
      if (!isForeign && !reply.value.more) return;
    }
  }
}

const nothing: Changes = { conversations: [], messages: [], tasks: [] };
