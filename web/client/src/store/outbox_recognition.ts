/**
 * How a row becomes a message that the replica has: by the engine's reply, by what another tab learned, or, when the engine's
 * `change` comes before the reply or instead of it, by its words and its place. The message takes over the row's key.
 */
import type { Message, Submission } from "../protocol/types.ts";
import type { OutboxRow } from "./cache_port.ts";
import type { Keys } from "./keys.ts";
import type { Entry, OutboxEntries } from "./outbox_entries.ts";
import { looksLike } from "./outbox_rules.ts";
import type { Merged, Replica } from "./replica.ts";

export class Recognition {
  readonly #entries: OutboxEntries;
  readonly #replica: Replica;
  readonly #keys: Keys;

  constructor(entries: OutboxEntries, replica: Replica, keys: Keys) {
    this.#entries = entries;
    this.#replica = replica;
    this.#keys = keys;
    replica.onMerge((merged) => this.#onMerge(merged));
  }

  /** A tab, perhaps this one before a reload, has sent it. */
  learn(row: OutboxRow, sent: Submission): void {
    const entry = this.#entries.get(row.key);
    if (entry !== undefined && entry.phase !== "accepted") this.accept(entry, sent);
    else if (sent.session_id !== undefined) this.#entries.begin(row.conversationId, sent.session_id);
  }

  /** The engine has it. */
  accept(entry: Entry, submission: Submission): void {
    const { key, conversationId } = entry.row;
    if (submission.session_id !== undefined) this.#entries.begin(conversationId, submission.session_id);
    const answer = this.#replica.messages.get(submission.message_id);
    const questionId = submission.user_message_id ?? answer?.parent_id ?? null;
    if (questionId !== null && entry.recognised !== questionId) this.takeBack(entry);
    if (questionId !== null) this.#keys.give(questionId, key);
    if (answer === undefined) {
      this.#keys.give(submission.message_id, answerKey(key));
      this.#entries.set({ ...entry, phase: "accepted", submission, recognised: null });
    } else this.#entries.drop(entry);
    this.#entries.settle(key, null);
  }

  /** What looked like it was another one's. */
  takeBack({ recognised }: Entry): void {
    if (recognised !== null) this.#keys.take(recognised);
  }

  #onMerge(merged: Merged): void {
    if (this.#entries.isEmpty) return;
    for (const { before, now } of merged.messages) {
      for (const entry of this.#entries.all()) {
        if (entry.submission?.message_id === now.id) this.#take(entry, now);
        else if (before === undefined && now.role === "user" && this.#mayBe(entry, now)) {
          this.#recognise(entry, now);
          break;
        }
      }
    }
  }

  #recognise(entry: Entry, question: Message): void {
    const { key, what, conversationId } = entry.row;
    this.#keys.give(question.id, key);
    if (what.kind === "begin") this.#entries.begin(conversationId, question.conversation_id);
    this.#entries.set({ ...entry, recognised: question.id });
  }

  /** The answer of an accepted row is here: so is its question, and the row is done. */
  #take(entry: Entry, answer: Message): void {
    if (answer.parent_id !== null) this.#keys.give(answer.parent_id, entry.row.key);
    this.#entries.drop(entry);
  }

  /** Nothing but a lost or late reply tells a row from the message that it became. */
  #mayBe(entry: Entry, message: Message): boolean {
    if (entry.phase === "accepted" || entry.phase === "unsent" || entry.recognised !== null) return false;
    const isNamed = this.#keys.keyOf(message.id) !== message.id;
    return (
      !isNamed &&
      looksLike(entry.row, message, this.#replica, this.#entries.resolve(entry.row.conversationId))
    );
  }
}

/** The key of the answer to a question that is in the outbox. */
export function answerKey(rowKey: string): string {
  return `${rowKey}:answer`;
}
