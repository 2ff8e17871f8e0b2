/** Answers that ended while nobody was looking, and who is told of them. */
import type { Message } from "../protocol/types.ts";
import { guarded } from "../sync/guarded.ts";
import type { AnswerEnded } from "./contract.ts";
import { isTerminal } from "./message_status.ts";
import type { Merged, Replica } from "./replica.ts";
import type { Sessions } from "./sessions.ts";

export interface UnreadParts {
  readonly replica: Replica;
  readonly sessions: Sessions;
  /** Whether a visible page of this tab shows it. */
  readonly isSeen: (conversationId: string) => boolean;
  readonly isLeader: () => boolean;
  /** Tells the other tabs that these answers were seen here. */
  readonly tellRead: (conversationId: string, messageIds: readonly string[]) => void;
}

const unread_max = 99;
const remembered_max = 500;
const excerpt_characters = 160;

export class Unread {
  readonly #parts: UnreadParts;
  /** Seen here or in another tab, whichever word came first. */
  readonly #read = new Set<string>();
  readonly #listeners = new Set<(ended: AnswerEnded) => void>();

  constructor(parts: UnreadParts) {
    this.#parts = parts;
    parts.replica.onMerge((merged) => this.#onMerge(merged));
  }

  onAnswerEnded(listener: (ended: AnswerEnded) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A visible page shows the conversation. */
  look(conversationId: string): void {
    const { unread } = this.#parts.sessions.get(conversationId);
    if (unread.length === 0) return;
    this.#parts.sessions.set(conversationId, { unread: [] });
    this.#parts.tellRead(conversationId, unread);
  }

  readElsewhere(conversationId: string, messageIds: readonly string[]): void {
    for (const id of messageIds) this.#remember(id);
    const { unread } = this.#parts.sessions.get(conversationId);
    const left = unread.filter((id) => !messageIds.includes(id));
    if (left.length < unread.length) this.#parts.sessions.set(conversationId, { unread: left });
  }

  #onMerge(merged: Merged): void {
    if (merged.origin !== "feed") return;
    for (const { before, now } of merged.messages) {
      if (now.role !== "assistant" || !isTerminal(now.status)) continue;
      if (before !== undefined && isTerminal(before.status)) continue;
      this.#ended(now, now.status);
    }
  }

  #ended(message: Message, status: AnswerEnded["status"]): void {
    const { replica, sessions, isSeen, isLeader, tellRead } = this.#parts;
    const conversationId = message.conversation_id;
    if (isSeen(conversationId)) {
      this.#remember(message.id);
      tellRead(conversationId, [message.id]);
    } else if (!this.#read.has(message.id)) {
      const { unread } = sessions.get(conversationId);
      if (!unread.includes(message.id) && unread.length < unread_max) {
        sessions.set(conversationId, { unread: [...unread, message.id] });
      }
    }
    if (!isLeader()) return;
    const ended: AnswerEnded = {
      conversationId,
      title: replica.conversations.get(conversationId)?.title ?? "",
      messageId: message.id,
      status,
      excerpt: excerptOf(message),
    };
    for (const listener of [...this.#listeners]) guarded(() => listener(ended));
  }

  #remember(messageId: string): void {
    this.#read.add(messageId);
    const [oldest] = this.#read;
    if (this.#read.size > remembered_max && oldest !== undefined) this.#read.delete(oldest);
  }
}

function excerptOf(message: Message): string {
  const text = message.error !== null && message.content === "" ? message.error.message : message.content;
  const start = text
    .slice(0, excerpt_characters * 4)
    .trim()
    .replaceAll(/\s+/g, " ");
  const characters = [...start];
  return characters.length <= excerpt_characters
    ? start
    : `${characters.slice(0, excerpt_characters).join("")}…`;
}
