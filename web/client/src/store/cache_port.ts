/**
 * What a browser keeps between two visits: a port, with an IndexedDB behind it (indexeddb_cache.ts) or plain memory
 * (memory_cache.ts). One cache belongs to one principal of one installation. Two tabs may write at once: of each object the
 * higher rev is kept, of each stream the later position, so that no order of writes takes anything back.
 */
import type {
  Conversation,
  Message,
  MessageStatus,
  Model,
  Position,
  Problem,
  Rev,
  Submission,
} from "../protocol/types.ts";

/** Table `sessions`: a conversation, and what this browser knows of it beyond the engine's words. */
export interface SessionRow {
  readonly id: string;
  readonly title: string;
  readonly pinned: boolean;
  readonly messageCount: number;
  /** When this browser last opened it; ms, 0: never. */
  readonly lastAccess: number;
  /** `full`: every message is in the table `messages`. */
  readonly completeness: "full" | "title";
  /** Where the engine goes on with messages older than those that are here; null: from the newest. */
  readonly olderCursor: string | null;
  /** A message of the branch that is shown; null: the newest branch. */
  readonly branch: string | null;
  /** Answers that ended unseen. */
  readonly unread: readonly string[];
  /** Of the `updated_at` of the engine, in ms; for cleaning up. */
  readonly updatedAt: number;
  readonly conversation: Conversation;
}

/** Table `activeStreams`: the text of an answer and the position it belongs to, in one row. */
export interface StreamRow {
  readonly taskId: string;
  readonly messageId: string;
  readonly sessionId: string;
  readonly status: MessageStatus;
  /** Null: nothing that counts (`0-0`, or nothing yet). */
  readonly position: Position | null;
  readonly content: string;
  readonly reasoning: string;
}

/** Table `outbox`: a message of this browser that the engine may not have. */
export interface OutboxRow {
  /** Names the row, and the message in views for as long as the page lives. */
  readonly key: string;
  /** Sent with every try, so that the engine stores it once. */
  readonly idempotencyKey: string;
  /** Grows; messages of one conversation are sent in this order. */
  readonly order: number;
  /** The engine's id, or the local one (`new-...`) of a conversation that this row begins or follows. */
  readonly conversationId: string;
  readonly what:
    | { readonly kind: "begin"; readonly systemPrompt?: string }
    /** `parentId` null: follows whatever is the newest. */
    | { readonly kind: "post"; readonly parentId: string | null }
    | { readonly kind: "edit"; readonly messageId: string };
  readonly content: string;
  readonly model: string | null;
  readonly state: "waiting" | "unsent";
  readonly problem: Problem | null;
  readonly createdAt: number;
  /** When it was first tried with this idempotency key, which the engine knows for a day. */
  readonly triedAt?: number;
  /** What the engine made of it, once it has it. Kept for a day, without the text: other tabs, and this page after a reload, learn from it. */
  readonly sent?: Submission;
}

/** Table `meta`. */
export interface Meta {
  readonly rev: Rev | null;
  readonly models: readonly Model[];
  /** Where the engine goes on with the list; null with `titlesComplete`: at its end, else at its start. */
  readonly titlesCursor: string | null;
  readonly titlesComplete: boolean;
}

export interface Cached {
  readonly meta: Meta;
  readonly sessions: readonly SessionRow[];
  readonly streams: readonly StreamRow[];
  readonly outbox: readonly OutboxRow[];
}

/** What a transaction writes. All or nothing. */
export interface CacheWrite {
  /** Forgets everything but the outbox first. */
  readonly reset?: boolean;
  /** Never lowered, except by `reset`. */
  readonly rev?: Rev;
  readonly conversations?: readonly Conversation[];
  readonly messages?: readonly Message[];
  /** Conversations that are no more, with their messages. */
  readonly removed?: readonly string[];
  /** Tasks whose messages have the text now. */
  readonly endedTasks?: readonly string[];
}

export type SessionMembers = Partial<
  Pick<SessionRow, "lastAccess" | "completeness" | "olderCursor" | "branch" | "unread">
>;

export interface CachePort {
  /** Where things are kept; `memory` does not outlive the page. */
  readonly kind: "indexeddb" | "memory";
  /** Newer code, in another tab, has taken the database over: what it makes of it is not broken, but not for this code. */
  readonly isOutdated?: boolean;
  load(): Promise<Cached>;
  messagesOf(sessionId: string): Promise<readonly Message[]>;
  write(changes: CacheWrite): Promise<void>;
  /** Changes the row if there is one. */
  touch(sessionId: string, members: SessionMembers): Promise<void>;
  setMeta(members: Partial<Omit<Meta, "rev">>): Promise<void>;
  /** Keeps the row if its position is later than the one that is kept (or the text began again). */
  putStreams(rows: readonly StreamRow[]): Promise<void>;
  /** Sets the status of a stream that is kept; one that has ended is dropped. */
  markStream(sessionId: string, messageId: string, status: MessageStatus): Promise<void>;
  dropStreams(taskIds: readonly string[]): Promise<void>;
  outbox(): Promise<readonly OutboxRow[]>;
  putOutbox(row: OutboxRow): Promise<void>;
  dropOutbox(key: string): Promise<void>;
  /** Leaves only the titles of these conversations. */
  forgetMessages(sessionIds: readonly string[]): Promise<void>;
  /** Of all messages, in no order, for a search offline. */
  eachMessage(visit: (message: Message) => void): Promise<void>;
  close(): void;
}

export const empty_meta: Meta = { rev: null, models: [], titlesCursor: null, titlesComplete: false };

/** The row of a conversation: what the engine said over what this browser knows. */
export function sessionRow(conversation: Conversation, known: SessionRow | undefined): SessionRow {
  return {
    lastAccess: 0,
    completeness: conversation.message_count === 0 ? "full" : "title",
    olderCursor: null,
    branch: null,
    unread: [],
    ...known,
    id: conversation.id,
    title: conversation.title,
    pinned: conversation.pinned,
    messageCount: conversation.message_count,
    updatedAt: Date.parse(conversation.updated_at),
    conversation,
  };
}

/** Whether `next` may replace `kept`: two tabs write, and the slower one must not take text back. */
export function isLaterStream(kept: StreamRow | undefined, next: StreamRow): boolean {
  if (kept === undefined || kept.position === null) return true;
  if (next.position === null) return false;
  return (
    next.position.attempt > kept.position.attempt ||
    (next.position.attempt === kept.position.attempt && next.position.index >= kept.position.index)
  );
}
