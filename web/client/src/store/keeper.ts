/** Writes what the replica learned to the cache: each `change` with its rev in one transaction. */
import type { Message, Rev } from "../protocol/types.ts";
import type { CachePort, CacheWrite } from "./cache_port.ts";
import { isTerminal } from "./message_status.ts";
import type { Merged, Replica } from "./replica.ts";
import type { Sessions } from "./sessions.ts";

export class Keeper {
  readonly #cache: CachePort;
  readonly #replica: Replica;
  readonly #sessions: Sessions;

  /** Watches from the beginning: what others write about a conversation must find its row. */
  constructor(cache: CachePort, replica: Replica, sessions: Sessions) {
    this.#cache = cache;
    this.#replica = replica;
    this.#sessions = sessions;
    replica.onMerge((merged) => this.#onMerge(merged));
  }

  #onMerge(merged: Merged): void {
    if (merged.origin === "snapshot") this.#sessions.forget();
    for (const id of merged.removed) this.#sessions.remove(id);
    if (merged.origin !== "cache") void this.#cache.write(writeOf(merged, this.#replica.rev));
    const touched = new Set([
      ...merged.conversations.map((each) => each.id),
      ...merged.messages.map((each) => each.now.conversation_id),
    ]);
    for (const id of touched) this.#noteCompleteness(id);
  }

  #noteCompleteness(id: string): void {
    const conversation = this.#replica.conversations.get(id);
    if (conversation === undefined || this.#sessions.get(id).completeness === "full") return;
    const messages = this.#replica.messagesOf(id);
    if (messages.size >= conversation.message_count) {
      // The cache may have thrown away what this page still has in memory.
      void this.#cache.write({ messages: [...messages.values()] });
      this.#sessions.set(id, { completeness: "full", olderCursor: null });
    }
  }
}

function writeOf(merged: Merged, rev: Rev | null): CacheWrite {
  const messages: Message[] = merged.messages.map((each) => each.now);
  const endedTasks = messages.flatMap(({ task_id, status }) =>
    task_id !== null && isTerminal(status) ? [task_id] : [],
  );
  const write = { conversations: merged.conversations, messages, removed: merged.removed, endedTasks };
  if (merged.origin === "read" || rev === null) return write;
  return { ...write, rev, reset: merged.origin === "snapshot" };
}
