/**
 * Keeps the texts that are being written, each with its position in one row: now and then while it grows (the longer, the
 * rarer, for the whole text is written each time), at once when it ends and when the page may be left.
 */

import type { Clock } from "../sync/clock.ts";
import type { StreamState } from "../sync/stream_state.ts";
import type { CachePort, StreamRow } from "./cache_port.ts";
import type { StoreEnvironment } from "./environment.ts";
import { currentStatus } from "./message_view.ts";
import type { Streams } from "./streams.ts";

export interface StreamWriterParts {
  readonly streams: Streams;
  readonly cache: CachePort;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  /** One tab writes; two would do no harm. */
  readonly isLeader: () => boolean;
}

const pause_least_ms = 250;
const characters_per_ms = 1_024;

export class StreamWriter {
  readonly #parts: StreamWriterParts;
  readonly #endListening: () => void;
  readonly #unwritten = new Set<string>();
  readonly #pauses = new Map<string, () => void>();

  constructor(parts: StreamWriterParts) {
    this.#parts = parts;
    parts.streams.watch((taskId, text) => this.#onText(taskId, text));
    this.#endListening = parts.environment.listen((event) => {
      if (event === "hidden" || event === "leaving" || event === "frozen") this.flush();
    });
  }

  /** Writes what is unwritten now. */
  flush(): void {
    this.#write([...this.#unwritten]);
  }

  /** Writes what is unwritten, and nothing more after that. */
  stop(): void {
    this.#endListening();
    this.flush();
    this.forget();
  }

  forget(): void {
    this.#unwritten.clear();
    for (const end of this.#pauses.values()) end();
    this.#pauses.clear();
  }

  #onText(taskId: string, text: StreamState | null): void {
    if (text === null) {
      // The row goes in the transaction that writes the message.
      this.#unwritten.delete(taskId);
      this.#endPause(taskId);
      return;
    }
    this.#unwritten.add(taskId);
    if (text.ended !== null) this.#write([taskId]);
    else if (!this.#pauses.has(taskId)) this.#pause(taskId, text);
  }

  #pause(taskId: string, text: StreamState): void {
    const length = text.content.length + text.reasoning.length;
    const pause = pause_least_ms + length / characters_per_ms;
    this.#pauses.set(
      taskId,
      this.#parts.clock.after(pause, () => this.#write([taskId])),
    );
  }

  #endPause(taskId: string): void {
    this.#pauses.get(taskId)?.();
    this.#pauses.delete(taskId);
  }

  #write(taskIds: readonly string[]): void {
    const rows: StreamRow[] = [];
    for (const taskId of taskIds) {
      this.#endPause(taskId);
      this.#unwritten.delete(taskId);
      const text = this.#parts.streams.text(taskId);
      const message = this.#parts.streams.messageOf(taskId);
      if (text === undefined || message === undefined || !this.#parts.isLeader()) continue;
      rows.push({
        taskId,
        messageId: message.id,
        sessionId: message.conversation_id,
        status: currentStatus(message, undefined, text),
        position: text.position,
        content: text.content,
        reasoning: text.reasoning,
      });
    }
    if (rows.length > 0) void this.#parts.cache.putStreams(rows);
  }
}
