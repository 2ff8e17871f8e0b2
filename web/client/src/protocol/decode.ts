/**
 * The border: unknown JSON becomes the types of types.ts, or a `DecodeError` that says which member is wrong. Members that are
 * not known are left behind, as docs/protocol.md demands of clients.
 */
import { type Decoder, Fields } from "./fields.ts";
import type {
  ActiveStream,
  AnswerError,
  Changes,
  ChangesPage,
  Chunk,
  ChunkEvent,
  Conversation,
  Deleted,
  Me,
  Message,
  Model,
  Page,
  Submission,
  Task,
  Usage,
} from "./types.ts";

const message_statuses = ["queued", "generating", "completed", "cancelled", "error"] as const;
const task_states = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"] as const;

const decodeText: Decoder<string> = (value, where) => new Fields({ value }, where).text("value");

export const decodeConversation: Decoder<Conversation> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    title: fields.text("title"),
    model: fields.textOrNull("model"),
    system_prompt: fields.textOrNull("system_prompt"),
    pinned: fields.flag("pinned"),
    created_at: fields.text("created_at"),
    updated_at: fields.text("updated_at"),
    message_count: fields.number("message_count"),
    active_task_ids: fields.list("active_task_ids", decodeText),
    rev: fields.number("rev"),
    ...(fields.has("snippet") ? { snippet: fields.text("snippet") } : {}),
  };
};

const decodeUsage: Decoder<Usage> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    input_tokens: fields.number("input_tokens"),
    output_tokens: fields.number("output_tokens"),
    total_tokens: fields.number("total_tokens"),
    estimated: fields.flag("estimated"),
  };
};

const decodeAnswerError: Decoder<AnswerError> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    code: fields.text("code"),
    message: fields.text("message"),
    retryable: fields.flag("retryable"),
  };
};

export const decodeMessage: Decoder<Message> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    conversation_id: fields.text("conversation_id"),
    parent_id: fields.textOrNull("parent_id"),
    seq: fields.number("seq"),
    rev: fields.number("rev"),
    role: fields.oneOf("role", ["system", "user", "assistant"]),
    content: fields.text("content"),
    reasoning: fields.textOrNull("reasoning"),
    status: fields.oneOf("status", message_statuses),
    task_id: fields.textOrNull("task_id"),
    model: fields.textOrNull("model"),
    provider: fields.textOrNull("provider"),
    attempt: fields.numberOrNull("attempt"),
    finish_reason: fields.textOrNull("finish_reason"),
    usage: fields.objectOrNull("usage", decodeUsage),
    ttft_ms: fields.numberOrNull("ttft_ms"),
    latency_ms: fields.numberOrNull("latency_ms"),
    error: fields.objectOrNull("error", decodeAnswerError),
    created_at: fields.text("created_at"),
    completed_at: fields.textOrNull("completed_at"),
  };
};

export const decodeTask: Decoder<Task> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    task_id: fields.text("task_id"),
    message_id: fields.text("message_id"),
    conversation_id: fields.text("conversation_id"),
    state: fields.oneOf("state", task_states),
    status: fields.oneOf("status", message_statuses),
    attempt: fields.number("attempt"),
    failures: fields.number("failures"),
    queue: fields.text("queue"),
    priority: fields.number("priority"),
    queue_place: fields.numberOrNull("queue_place"),
    position: fields.text("position"),
    chunk_count: fields.number("chunk_count"),
    created_at: fields.text("created_at"),
    started_at: fields.textOrNull("started_at"),
    finished_at: fields.textOrNull("finished_at"),
    last_error: fields.objectOrNull("last_error", decodeAnswerError),
  };
};

function orDeleted<T>(decode: Decoder<T>): Decoder<T | Deleted> {
  return (value, where) => {
    const fields = new Fields(value, where);
    if (!fields.has("deleted")) return decode(value, where);
    return { id: fields.text("id"), deleted: true };
  };
}

export const decodeChanges: Decoder<Changes> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    conversations: fields.list("conversations", orDeleted(decodeConversation)),
    messages: fields.list("messages", orDeleted(decodeMessage)),
    tasks: fields.list("tasks", orDeleted(decodeTask)),
  };
};

export const decodeChangesPage: Decoder<ChangesPage> = (value, where) => {
  const fields = new Fields(value, where);
  return { ...decodeChanges(value, where), rev: fields.number("rev"), more: fields.flag("more") };
};

export const decodeChunk: Decoder<Chunk> = (value, where) => {
  const fields = new Fields(value, where);
  const chunk_index = fields.number("chunk_index");
  const chunk_type = fields.oneOf("chunk_type", ["content", "reasoning", "reset", "done", "error"]);
  switch (chunk_type) {
    case "content":
    case "reasoning":
      return { chunk_index, chunk_type, content: fields.text("content") };
    case "reset":
      return {
        chunk_index,
        chunk_type,
        attempt: fields.numberOrNull("attempt"),
        reason: fields.text("reason"),
      };
    case "done":
      return {
        chunk_index,
        chunk_type,
        status: fields.oneOf("status", ["completed", "cancelled"]),
        finish_reason: fields.textOrNull("finish_reason"),
        message_id: fields.text("message_id"),
        usage: fields.objectOrNull("usage", decodeUsage),
        ttft_ms: fields.numberOrNull("ttft_ms"),
        latency_ms: fields.numberOrNull("latency_ms"),
      };
    case "error":
      return {
        chunk_index,
        chunk_type,
        content: fields.text("content"),
        code: fields.text("code"),
        retryable: fields.flag("retryable"),
      };
  }
};

export const decodeChunkEvent: Decoder<ChunkEvent> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    task_id: fields.text("task_id"),
    attempt: fields.numberOrNull("attempt"),
    chunk: fields.object("chunk", decodeChunk),
  };
};

export const decodeActiveStream: Decoder<ActiveStream> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    task_id: fields.text("task_id"),
    message_id: fields.text("message_id"),
    conversation_id: fields.text("conversation_id"),
    status: fields.oneOf("status", message_statuses),
    position: fields.text("position"),
    started_at: fields.textOrNull("started_at"),
  };
};

export const decodeModel: Decoder<Model> = (value, where) => {
  const fields = new Fields(value, where);
  return { id: fields.text("id"), provider: fields.text("provider"), default: fields.flag("default") };
};

export const decodeSubmission: Decoder<Submission> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    task_id: fields.text("task_id"),
    message_id: fields.text("message_id"),
    ...(fields.has("user_message_id") ? { user_message_id: fields.text("user_message_id") } : {}),
    ...(fields.has("session_id") ? { session_id: fields.text("session_id") } : {}),
  };
};

export const decodeMe: Decoder<Me> = (value, where) => {
  const fields = new Fields(value, where);
  return {
    principal: fields.text("principal"),
    installation: fields.text("installation"),
    version: fields.text("version"),
    signed_in: fields.oneOf("signed_in", ["open", "token"]),
  };
};

/** `{data, next_cursor}`; lists without pages have no cursor. */
export function decodePage<T>(one: Decoder<T>): Decoder<Page<T>> {
  return (value, where) => {
    const fields = new Fields(value, where);
    return { data: fields.list("data", one), next_cursor: fields.textOrNull("next_cursor") };
  };
}
