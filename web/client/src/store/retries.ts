/**
 * One further try, by itself, of an answer that failed while this page was looking on and that may succeed later. All tabs
 * announce it, one makes it (the leader), and its idempotency key follows from the message, so that two leaders in a row do
 * no harm. An answer that has failed before is left to the person.
 */
import type { Message } from "../protocol/types.ts";
import type { Clock } from "../sync/clock.ts";
import type { Engine } from "./engine.ts";
import { isTerminal } from "./message_status.ts";
import type { Merged, Replica } from "./replica.ts";

export interface RetryParts {
  readonly engine: Engine;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly isLeader: () => boolean;
  readonly changed: (messageId: string) => void;
  /** Tells the other tabs that a person does not want it. */
  readonly tellCalledOff: (messageId: string) => void;
}

/** For errors that do not say when. */
export const retry_delay_ms = 10_000;

export class Retries {
  readonly #parts: RetryParts;
  readonly #planned = new Map<string, { readonly at: number; readonly end: () => void }>();
  readonly #calledOff = new Set<string>();

  constructor(parts: RetryParts) {
    this.#parts = parts;
    parts.replica.onMerge((merged) => this.#onMerge(merged));
  }

  /** When the retry of this message comes (ms); null: none does. */
  at(messageId: string): number | null {
    return this.#planned.get(messageId)?.at ?? null;
  }

  callOff(messageId: string): void {
    this.calledOffElsewhere(messageId);
    this.#parts.tellCalledOff(messageId);
  }

  calledOffElsewhere(messageId: string): void {
    this.#calledOff.add(messageId);
    this.#end(messageId);
  }

  forget(): void {
    for (const messageId of [...this.#planned.keys()]) this.#end(messageId);
    this.#calledOff.clear();
  }

  #onMerge(merged: Merged): void {
    if (merged.origin !== "feed") return;
    for (const { before, now } of merged.messages) {
      const sawItRun = before !== undefined && !isTerminal(before.status);
      if (sawItRun && now.status === "error" && now.error?.retryable === true && this.#isFirstFailure(now)) {
        this.#plan(now.id);
      }
      // Somebody asked again, here or elsewhere: no need to.
      for (const sibling of this.#siblings(now)) if (sibling.seq < now.seq) this.#end(sibling.id);
    }
  }

  #isFirstFailure(message: Message): boolean {
    return this.#siblings(message).length === 0;
  }

  /** Other answers to the same question. */
  #siblings(message: Message): readonly Message[] {
    if (message.role !== "assistant") return [];
    const siblings = this.#parts.replica.messagesOf(message.conversation_id).values();
    return [...siblings].filter(
      (each) => each.id !== message.id && each.role === "assistant" && each.parent_id === message.parent_id,
    );
  }

  #plan(messageId: string): void {
    if (this.#planned.has(messageId) || this.#calledOff.has(messageId)) return;
    const end = this.#parts.clock.after(retry_delay_ms, () => void this.#make(messageId));
    this.#planned.set(messageId, { at: this.#parts.clock.now() + retry_delay_ms, end });
    this.#parts.changed(messageId);
  }

  async #make(messageId: string): Promise<void> {
    const taskId = this.#parts.replica.messages.get(messageId)?.task_id ?? null;
    this.#end(messageId);
    if (taskId === null || !this.#parts.isLeader()) return;
    await this.#parts.engine.retry(taskId, `retry-${messageId}`);
  }

  #end(messageId: string): void {
    const planned = this.#planned.get(messageId);
    if (planned === undefined) return;
    planned.end();
    this.#planned.delete(messageId);
    this.#parts.changed(messageId);
  }
}
