/** Brings the whole list of conversations here, page by page: when somebody scrolls to its end, and when there is time. */
import type { Parts } from "./parts.ts";

/** Beyond so many, older conversations are found by searching. */
const titles_max = 5_000;
const page_conversations = 200;

export class Titles {
  readonly #parts: Parts;
  readonly #changed: () => void;
  #cursor: string | null = null;
  #complete = false;
  #running: Promise<void> | null = null;
  /** How often everything was forgotten: a page that was asked for before is not for whoever asks after. */
  #forgotten = 0;

  constructor(parts: Parts, changed: () => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  restore(kept: { readonly titlesCursor: string | null; readonly titlesComplete: boolean }): void {
    this.#cursor = kept.titlesCursor;
    this.#complete = kept.titlesComplete;
  }

  forget(): void {
    this.#forgotten += 1;
    this.#cursor = null;
    this.#complete = false;
    this.#running = null;
  }

  hasMore(): boolean {
    return (
      !this.#complete &&
      this.#parts.replica.rev !== null &&
      this.#parts.replica.conversations.size < titles_max
    );
  }

  /** One page more. */
  more(): Promise<void> {
    this.#running ??= this.#read().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #read(): Promise<void> {
    const { engine, replica, cache } = this.#parts;
    if (!this.hasMore() || !this.#parts.isReachable()) return;
    const cursor = this.#cursor ?? undefined;
    const forgotten = this.#forgotten;
    const reply = await engine.conversations({ limit: page_conversations, cursor });
    if (forgotten !== this.#forgotten) return;
    if (!reply.ok) {
      if (reply.problem.status === 400) this.#cursor = null;
      return;
    }
    replica.merge({ conversations: reply.value.data }, "read");
    this.#cursor = reply.value.next_cursor;
    this.#complete = this.#cursor === null;
    void cache.setMeta({ titlesCursor: this.#cursor, titlesComplete: this.#complete });
    this.#changed();
  }
}
