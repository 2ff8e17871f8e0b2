/**
 * Text that is not part of the log comes after a reset, except for a reader without a position, who is expected to have
 * nothing. Several readers hear one connection here, and some may have text. So the reset is put in front where it is missing.
 * One object per connection.
 */
import type { ChunkEvent } from "../protocol/types.ts";

export class WholeTexts {
  readonly #begun = new Set<string>();

  /** The event, behind a reset if it needs one. */
  complete(event: ChunkEvent): readonly ChunkEvent[] {
    if (event.attempt !== null) {
      this.#begun.delete(event.task_id);
      return [event];
    }
    const hasBegun = this.#begun.has(event.task_id);
    this.#begun.add(event.task_id);
    if (hasBegun || event.chunk.chunk_type === "reset") return [event];
    const reset: ChunkEvent = {
      task_id: event.task_id,
      attempt: null,
      chunk: { chunk_index: -1, chunk_type: "reset", attempt: null, reason: "resumed_from_store" },
    };
    return [reset, event];
  }
}
