/** How one message is shown: the row of the replica, its task, and the text that is still coming, as one immutable value. */
import type { Message, MessageStatus, Task } from "../protocol/types.ts";
import type { StreamState } from "../sync/stream_state.ts";
import type { MessageView } from "./contract.ts";
import { isTerminal } from "./message_status.ts";
import type { Entry } from "./outbox.ts";
import { type Branch, no_branch } from "./tree.ts";

export interface MessageSources {
  readonly key: string;
  readonly message: Message;
  readonly task: Task | undefined;
  readonly text: StreamState | undefined;
  readonly branch: Branch;
  readonly retryAt: number | null;
}

/**
 * The row has the text once it has ended, the stream before; both are the same bytes, so that it does not matter which of
 * `done` and the row's `change` came first.
 */
export function messageView({ key, message, task, text, branch, retryAt }: MessageSources): MessageView {
  const status = currentStatus(message, task, text);
  const fromRow = isTerminal(message.status) || text === undefined;
  const ended = text?.ended ?? null;
  const end = ended?.chunk_type === "done" ? ended : null;
  return {
    key,
    id: message.id,
    role: message.role,
    status,
    content: fromRow ? message.content : text.content,
    reasoning: fromRow ? (message.reasoning ?? "") : text.reasoning,
    live: !isTerminal(status),
    attempt: Math.max(message.attempt ?? 1, task?.attempt ?? 1, text?.position?.attempt ?? 1),
    restart: isTerminal(status) ? null : (text?.restart ?? null),
    queuePlace: status === "queued" ? (task?.queue_place ?? null) : null,
    error:
      message.error ??
      (ended?.chunk_type === "error"
        ? { code: ended.code, message: ended.content, retryable: ended.retryable }
        : null),
    problem: null,
    retry: retryAt === null ? null : { at: retryAt },
    branch,
    model: message.model,
    finishReason: message.finish_reason ?? end?.finish_reason ?? null,
    usage: message.usage ?? end?.usage ?? null,
    ttftMs: message.ttft_ms ?? end?.ttft_ms ?? null,
    latencyMs: message.latency_ms ?? end?.latency_ms ?? null,
    createdAt: Date.parse(message.created_at),
    position: positionText(text, task),
  };
}

/** A question of this browser that the replica does not have yet. */
export function entryView(entry: Entry, branch: Branch): MessageView {
  const status = entry.phase === "accepted" ? "completed" : entry.phase === "unsent" ? "unsent" : entry.phase;
  return {
    ...blank,
    key: entry.row.key,
    id: null,
    role: "user",
    status,
    content: entry.row.content,
    live: false,
    problem: entry.row.problem,
    branch,
    createdAt: entry.row.createdAt,
  };
}

/** The answer that the engine has promised and the replica does not have yet. */
export function promisedView(key: string, entry: Entry, text: StreamState | undefined): MessageView {
  const status: MessageStatus = endStatus(text) ?? (hasText(text) ? "generating" : "queued");
  return {
    ...blank,
    key,
    id: entry.submission?.message_id ?? null,
    role: "assistant",
    status,
    content: text?.content ?? "",
    reasoning: text?.reasoning ?? "",
    live: !isTerminal(status),
    model: entry.row.model,
    createdAt: entry.row.createdAt,
    position: positionText(text, undefined),
  };
}

export function currentStatus(
  message: Message,
  task: Task | undefined,
  text: StreamState | undefined,
): MessageStatus {
  if (isTerminal(message.status)) return message.status;
  return endStatus(text) ?? (hasText(text) ? "generating" : (task?.status ?? message.status));
}

const blank = {
  reasoning: "",
  attempt: 1,
  restart: null,
  queuePlace: null,
  error: null,
  problem: null,
  retry: null,
  branch: no_branch,
  model: null,
  finishReason: null,
  usage: null,
  ttftMs: null,
  latencyMs: null,
  position: "",
} as const;

function endStatus(text: StreamState | undefined): MessageStatus | null {
  if (text === undefined || text.ended === null) return null;
  return text.ended.chunk_type === "done" ? text.ended.status : "error";
}

function hasText(text: StreamState | undefined): boolean {
  return text !== undefined && (text.position !== null || text.content !== "" || text.reasoning !== "");
}

function positionText(text: StreamState | undefined, task: Task | undefined): string {
  const position = text?.position;
  return position ? `${position.attempt}-${position.index}` : (task?.position ?? "");
}
