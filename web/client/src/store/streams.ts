/**
 * The texts of the answers that are being written, by task. Chunks come from the feed; what the feed leaves out (this tab was
 * late, or frozen) is read page by page from the position. A text is dropped when its message has it.
 */
import type { ChunkEvent, Message, Position } from "../protocol/types.ts";
import { catchUp } from "../sync/catch_up.ts";
import { applyChunk, initialStream, type StreamState } from "../sync/stream_state.ts";
import type { StreamRow } from "./cache_port.ts";
import type { Engine } from "./engine.ts";
import { isTerminal } from "./message_status.ts";
import type { Merged, Replica } from "./replica.ts";

/**
 * The text of a task changed. `text` is null when it was dropped, because its message has it. `added`: all that happened is that
 * this was appended to its content; whoever keeps to it pays nothing for the length of the text. Must not throw.
 */
export type StreamWatcher = (taskId: string, text: StreamState | null, added: string | null) => void;

/** Cursors must fit into the head of a request; texts of further tasks are read again from their start. */
const cursors_max = 200;

export class Streams {
  readonly #texts = new Map<string, StreamState>();
  readonly #readings = new Map<string, AbortController>();
  readonly #watchers = new Set<StreamWatcher>();
  readonly #messageOfTask = new Map<string, string>();
  readonly #replica: Replica;
  readonly #engine: Engine;

  constructor(replica: Replica, engine: Engine) {
    this.#replica = replica;
    this.#engine = engine;
    replica.onMerge((merged) => this.#onMerge(merged));
  }

  text(taskId: string | null): StreamState | undefined {
    return taskId === null ? undefined : this.#texts.get(taskId);
  }

  messageOf(taskId: string): Message | undefined {
    const id = this.#messageOfTask.get(taskId) ?? this.#replica.tasks.get(taskId)?.message_id;
    return id === undefined ? undefined : this.#replica.messages.get(id);
  }

  /** Texts that go on. */
  *running(): Iterable<readonly [string, StreamState]> {
    for (const entry of this.#texts) if (entry[1].ended === null) yield entry;
  }

  /** Returns what ends the watching. */
  watch(watcher: StreamWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** `connection` names what brought the chunk. */
  apply(event: ChunkEvent, connection: string): void {
    const message = this.messageOf(event.task_id);
    if (message !== undefined && isTerminal(message.status)) return;
    const applied = applyChunk(this.#texts.get(event.task_id) ?? initialStream, event, connection);
    if (applied.outcome === "gap") void this.catchUp(event.task_id);
    else if (applied.outcome !== "old") this.#put(event, applied.state);
  }

  /** Reads on from the position until there is nothing more for now. One reading per task at a time. */
  async catchUp(taskId: string): Promise<void> {
    if (this.#readings.has(taskId)) return;
    const reading = new AbortController();
    this.#readings.set(taskId, reading);
    try {
      await catchUp({
        api: this.#engine,
        taskId,
        from: this.#texts.get(taskId)?.position ?? null,
        onChunk: (event, connection) => {
          if (!reading.signal.aborted) this.#applyRead(event, connection);
        },
        signal: reading.signal,
      });
    } finally {
      if (this.#readings.get(taskId) === reading) this.#readings.delete(taskId);
    }
  }

  /** What a new connection begins from. Texts that do not fit are dropped: the engine sends them from their start. */
  cursors(): ReadonlyMap<string, Position> {
    const named = new Map<string, Position>();
    for (const [taskId, text] of [...this.#texts].reverse()) {
      if (text.ended !== null) continue;
      if (named.size < cursors_max && text.position !== null) named.set(taskId, text.position);
      else this.#drop(taskId);
    }
    return named;
  }

  /** What the cache has kept. */
  restore(rows: readonly StreamRow[]): void {
    for (const row of rows) {
      if (row.position === null || this.#texts.has(row.taskId)) continue;
      this.#messageOfTask.set(row.taskId, row.messageId);
      const { position, content, reasoning } = row;
      const text = { ...initialStream, position, content, reasoning };
      this.#texts.set(row.taskId, text);
      for (const watcher of this.#watchers) watcher(row.taskId, text, null);
    }
  }

  forget(): void {
    for (const reading of this.#readings.values()) reading.abort();
    this.#readings.clear();
    this.#texts.clear();
    this.#messageOfTask.clear();
  }

  /** A gap in what was read is left to the next chunk that comes, or else two readings could call for each other. */
  #applyRead(event: ChunkEvent, connection: string): void {
    const message = this.messageOf(event.task_id);
    if (message !== undefined && isTerminal(message.status)) return;
    const applied = applyChunk(this.#texts.get(event.task_id) ?? initialStream, event, connection);
    if (applied.outcome !== "gap" && applied.outcome !== "old") this.#put(event, applied.state);
  }

  #put({ task_id, chunk }: ChunkEvent, text: StreamState): void {
    const isGrown = chunk.chunk_type === "content" && this.#texts.get(task_id)?.voids === text.voids;
    this.#texts.set(task_id, text);
    for (const watcher of this.#watchers) watcher(task_id, text, isGrown ? chunk.content : null);
  }

  #drop(taskId: string): void {
    if (!this.#texts.delete(taskId)) return;
    for (const watcher of this.#watchers) watcher(taskId, null, null);
  }

  #onMerge(merged: Merged): void {
    if (merged.origin === "snapshot") {
      for (const taskId of [...this.#texts.keys()]) {
        if (!this.#replica.tasks.has(taskId)) this.#drop(taskId);
      }
    }
    for (const taskId of merged.removedTasks) {
      this.#drop(taskId);
      this.#messageOfTask.delete(taskId);
    }
    for (const { now } of merged.messages) {
      if (now.task_id === null) continue;
      this.#messageOfTask.set(now.task_id, now.id);
      if (isTerminal(now.status)) this.#drop(now.task_id);
    }
  }
}
