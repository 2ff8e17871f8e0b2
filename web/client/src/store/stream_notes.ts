/** Notes in the history of the connection: streams that went on where they were, or began again. */

import { formatPosition } from "../protocol/position.ts";
import { debug } from "../sync/debug.ts";
import type { StreamState } from "../sync/stream_state.ts";
import type { Connection } from "./connection.ts";
import type { Streams } from "./streams.ts";

export class StreamNotes {
  /** Positions before the connection was made again; a stream leaves when it goes on. */
  readonly #before = new Map<string, StreamState>();
  readonly #known = new Map<string, { readonly voids: number; readonly restart: string | null }>();
  readonly #streams: Streams;
  readonly #connection: Connection;

  constructor(streams: Streams, connection: Connection) {
    this.#streams = streams;
    this.#connection = connection;
    streams.watch((taskId, text) => this.#onText(taskId, text));
  }

  reconnecting(): void {
    this.#before.clear();
    for (const [taskId, text] of this.#streams.running()) this.#before.set(taskId, text);
  }

  #onText(taskId: string, text: StreamState | null): void {
    const before = this.#before.get(taskId);
    this.#before.delete(taskId);
    const known = this.#known.get(taskId);
    if (text === null) {
      this.#known.delete(taskId);
      return;
    }
    if (known === undefined) debug("background stream found", { task: taskId });
    this.#known.set(taskId, { voids: text.voids, restart: text.restart });
    if (text.ended !== null) debug("completed", { task: taskId, how: text.ended.chunk_type });
    else debug("chunk", { task: taskId, position: formatPosition(text.position) });
    const conversationId = this.#streams.messageOf(taskId)?.conversation_id;
    if (conversationId === undefined || text.position === null) return;
    const { attempt, index } = text.position;
    if (known !== undefined && text.voids > known.voids && text.restart !== null && attempt > 1) {
      this.#connection.note({ kind: "restarted", conversationId, attempt, reason: text.restart });
    } else if (before?.position != null && before.voids === text.voids) {
      this.#connection.note({ kind: "resumed", conversationId, chunk: index });
    }
  }
}
