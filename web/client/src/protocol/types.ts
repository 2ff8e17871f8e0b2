/**
 * What the engine sends, as it is on the wire (docs/protocol.md), in the words of the whole project. Values of these types
 * have passed `decode.ts`: what is not as described never gets further than the border.
 */

export type Role = "system" | "user" | "assistant";
export type MessageStatus = "queued" | "generating" | "completed" | "cancelled" | "error";
export type TaskState = "queued" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled";

/** A number that grows with every change of what belongs to one principal. */
export type Rev = number;

export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly model: string | null;
  readonly system_prompt: string | null;
  readonly pinned: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly message_count: number;
  readonly active_task_ids: readonly string[];
  readonly rev: Rev;
  /** Of a search hit: the text around it. */
  readonly snippet?: string;
}

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  /** The model did not say; counted from the text. */
  readonly estimated: boolean;
}

/** Why an answer ended in an error. */
export interface AnswerError {
  readonly code: string;
  /** Plain words, for people. */
  readonly message: string;
  /** The same may succeed later. */
  readonly retryable: boolean;
}

export interface Message {
  readonly id: string;
  readonly conversation_id: string;
  /** The message this one follows; null for the first. Messages form a tree: siblings are versions. */
  readonly parent_id: string | null;
  readonly seq: number;
  readonly rev: Rev;
  readonly role: Role;
  /** Empty while the answer is written: then the text is in the stream. */
  readonly content: string;
  readonly reasoning: string | null;
  readonly status: MessageStatus;
  readonly task_id: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly attempt: number | null;
  readonly finish_reason: string | null;
  readonly usage: Usage | null;
  readonly ttft_ms: number | null;
  readonly latency_ms: number | null;
  readonly error: AnswerError | null;
  readonly created_at: string;
  readonly completed_at: string | null;
}

export interface Task {
  readonly task_id: string;
  readonly message_id: string;
  readonly conversation_id: string;
  readonly state: TaskState;
  readonly status: MessageStatus;
  readonly attempt: number;
  readonly failures: number;
  readonly queue: string;
  readonly priority: number;
  /** How many tasks are in front; null when it does not wait in a queue. */
  readonly queue_place: number | null;
  readonly position: string;
  readonly chunk_count: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly last_error: AnswerError | null;
}

export interface Deleted {
  readonly id: string;
  readonly deleted: true;
}

/** One `change` of `/events`, or one page of `/changes`. Whole objects, in no order. */
export interface Changes {
  readonly conversations: readonly (Conversation | Deleted)[];
  readonly messages: readonly (Message | Deleted)[];
  readonly tasks: readonly (Task | Deleted)[];
}

/** One page of `GET /changes`. `more`: ask again at once, since `rev`. */
export interface ChangesPage extends Changes {
  readonly rev: Rev;
  readonly more: boolean;
}

/** One page of a list. */
export interface Page<T> {
  readonly data: readonly T[];
  /** Opaque; null on the last page. */
  readonly next_cursor: string | null;
}

export type ResetReason = "worker_lost" | "provider_failed" | "resumed_from_store" | "position_unknown";

interface ChunkBase {
  /** 0, 1, 2 ... within the attempt; -1 for what is not part of the log. */
  readonly chunk_index: number;
}
export interface TextChunk extends ChunkBase {
  readonly chunk_type: "content" | "reasoning";
  readonly content: string;
}
/** Void what was shown: the text begins again with what follows. */
export interface ResetChunk extends ChunkBase {
  readonly chunk_type: "reset";
  readonly attempt: number | null;
  readonly reason: ResetReason | string;
}
export interface DoneChunk extends ChunkBase {
  readonly chunk_type: "done";
  readonly status: "completed" | "cancelled";
  readonly finish_reason: string | null;
  readonly message_id: string;
  readonly usage: Usage | null;
  readonly ttft_ms: number | null;
  readonly latency_ms: number | null;
}
export interface ErrorChunk extends ChunkBase {
  readonly chunk_type: "error";
  /** Plain words, for people. */
  readonly content: string;
  readonly code: string;
  readonly retryable: boolean;
}
export type Chunk = TextChunk | ResetChunk | DoneChunk | ErrorChunk;

/** `event: chunk` of `/events`. `attempt` is null for what is not part of the log: it is always applied. */
export interface ChunkEvent {
  readonly task_id: string;
  readonly attempt: number | null;
  readonly chunk: Chunk;
}

/** One page of the long poll of a stream (4.4), each chunk with its attempt. */
export interface ChunkPage {
  readonly chunks: readonly ChunkEvent[];
  /** What to ask from next. */
  readonly position: Position | null;
  /** The end is among the chunks, or was what the reader had already. */
  readonly ended: boolean;
}

/** One entry of `GET /active-streams`: a task that has not ended. */
export interface ActiveStream {
  readonly task_id: string;
  readonly message_id: string;
  readonly conversation_id: string;
  readonly status: MessageStatus;
  /** Of the newest chunk, like `1-42`; "": none. */
  readonly position: string;
  readonly started_at: string | null;
}

/** A reader's whole state: it has everything of the attempt up to and including the index. Written `1-42`. */
export interface Position {
  readonly attempt: number;
  readonly index: number;
}

export interface Model {
  readonly id: string;
  readonly provider: string;
  readonly default: boolean;
}

/** The reply to whatever starts an answer. */
export interface Submission {
  readonly task_id: string;
  readonly message_id: string;
  /** Not in replies of the `/chat` calls. */
  readonly user_message_id?: string;
  /** Only in replies of the `/chat` calls. */
  readonly session_id?: string;
}

/** Who is asking, and of which installation. A cache in a browser belongs to both together. */
export interface Me {
  readonly principal: string;
  readonly installation: string;
  readonly version: string;
  readonly signed_in: "open" | "token";
}

/**
 * `application/problem+json` of the engine. `code` is stable (docs/protocol.md, section 9). Three are ours: `network` (no reply
 * came, so nobody knows whether it was done; status 0), `aborted` (whoever asked did not want to know any more; status 0) and
 * `unexpected_reply` (what came is not of the engine, such as the error page of a proxy, or not as described).
 */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly request_id: string | null;
  /** When the same may be tried again, in milliseconds; null: not said. */
  readonly retry_after_ms: number | null;
}

/** What a call comes to. Nothing throws because of a network or a status. */
export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };
