/**
 * The texts of the answers that are being written, by task. Chunks come from the feed; what the feed leaves out (this tab was
 * late, or frozen) is read page by page from the position. A text is dropped when its message has it.
 */
import type { ChunkEvent, Message, Position } from "../protocol/types.ts";
import type { StreamRow } from "./cache_port.ts";
import { isTerminal } from "./message_status.ts";
import type { Merged, Replica } from "./replica.ts";
import { applyChunk, initialText, type StreamText } from "./stream_text.ts";

export type CatchUp = (
  taskId: string,
  from: StreamText,
  onText: (text: StreamText) => void,
) => Promise<"ended" | "up_to_date" | "failed">;

/** The text of a task changed. `text` is null when it was dropped, because its message has it. */
export type StreamWatcher = (taskId: string, text: StreamText | null) => void;

/** Cursors must fit into the head of a request; texts of further tasks are read again from their start. */
const cursors_max = 200;

export class Streams {
  readonly #texts = new Map<string, StreamText>();
  readonly #catchingUp = new Set<string>();
  readonly #watchers = new Set<StreamWatcher>();
  readonly #messageOfTask = new Map<string, string>();
  readonly #replica: Replica;
  readonly #catchUp: CatchUp;

  constructor(replica: Replica, catchUp: CatchUp) {
    this.#replica = replica;
    this.#catchUp = catchUp;
    replica.onMerge((merged) => this.#onMerge(merged));
  }

  text(taskId: string | null): StreamText | undefined {
    return taskId === null ? undefined : this.#texts.get(taskId);
  }

  messageOf(taskId: string): Message | undefined {
    const id = this.#messageOfTask.get(taskId) ?? this.#replica.tasks.get(taskId)?.message_id;
    return id === undefined ? undefined : this.#replica.messages.get(id);
  }

  /** Texts that go on. */
  *running(): Iterable<readonly [string, StreamText]> {
    for (const entry of this.#texts) if (entry[1].ended === null) yield entry;
  }

  /** Returns what ends the watching. */
  watch(watcher: StreamWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  apply(event: ChunkEvent): void {
    const message = this.messageOf(event.task_id);
    if (message !== undefined && isTerminal(message.status)) return;
    const applied = applyChunk(this.#texts.get(event.task_id) ?? initialText, event);
    if (applied.kind === "next") this.#put(event.task_id, applied.text);
    else if (applied.kind === "gap") void this.catchUp(event.task_id);
  }

  /** Reads on from the position until there is nothing more for now. One reading per task at a time. */
  async catchUp(taskId: string): Promise<void> {
    if (this.#catchingUp.has(taskId)) return;
    this.#catchingUp.add(taskId);
    try {
      await this.#catchUp(taskId, this.#texts.get(taskId) ?? initialText, (text) =>
        this.#offer(taskId, text),
      );
    } finally {
      this.#catchingUp.delete(taskId);
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
      this.#put(row.taskId, {
        ...initialText,
        position: row.position,
        content: row.content,
        reasoning: row.reasoning,
      });
    }
  }

  forget(): void {
    this.#texts.clear();
    this.#messageOfTask.clear();
  }

  #offer(taskId: string, text: StreamText): void {
    const known = this.#texts.get(taskId);
    if (known?.position && text.position && isBefore(text.position, known.position)) return;
    this.#put(taskId, text);
  }

  #put(taskId: string, text: StreamText): void {
    this.#texts.set(taskId, text);
    for (const watcher of this.#watchers) watcher(taskId, text);
  }

  #drop(taskId: string): void {
    if (!this.#texts.delete(taskId)) return;
    for (const watcher of this.#watchers) watcher(taskId, null);
  }

  #onMerge(merged: Merged): void {
    if (merged.origin === "snapshot") {
      for (const taskId of [...this.#texts.keys()]) {
        if (!this.#replica.tasks.has(taskId)) this.#drop(taskId);
      }
    }
    for (const { now } of merged.messages) {
      if (now.task_id === null) continue;
      this.#messageOfTask.set(now.task_id, now.id);
      if (isTerminal(now.status)) this.#drop(now.task_id);
    }
  }
}

function isBefore(left: Position, right: Position): boolean {
  return left.attempt < right.attempt || (left.attempt === right.attempt && left.index < right.index);
}
