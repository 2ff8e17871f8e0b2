// What is known of a run, from three sides: what every client saw and was answered, what the mock model sent, and what the
// database holds. The checker (checker.ts) reads nothing else. All times are Unix milliseconds of this machine.
import type { Recorded } from "../../system/support/model.ts";

export type ChunkType = "content" | "reasoning" | "reset" | "done" | "error";

/** One event of an event stream, as it arrived. */
export interface Seen {
  at: number;
  client: string;
  connection: number;
  task: string;
  /** `1-42`, or `0-0`, without the task that `/chat/stream` puts in front; null: the event had none. */
  id: string | null;
  index: number;
  type: ChunkType;
  content: string;
  /** Of `data:`, before decoding. */
  bytes: number;
  /** Of a terminal chunk. */
  status?: string;
  /** Of a reset. */
  reason?: string;
}

/** One request for an event stream. `number` is unique in the run, and grows. */
export interface Connection {
  at: number;
  client: string;
  number: number;
  task: string;
  /** Which server was asked. */
  server?: string;
  /** The position it sent along; null: none. */
  from: string | null;
  /** null: no reply came. */
  status: number | null;
  /** How it ended: the response was whole, it broke, or the client left. */
  end: "whole" | "broken" | "left" | null;
  endedAt?: number;
  /** The last `retry:` it was told. */
  retry: number | null;
  /** Bytes that are not UTF-8, or lines that no event stream has. */
  malformed?: string;
}

/** A call that starts or ends an answer, and what came back. */
export interface Reply {
  at: number;
  sentAt: number;
  client: string;
  call: "post" | "regenerate" | "retry" | "cancel";
  /** null: no reply came. */
  status: number | null;
  idempotencyKey?: string;
  /** Of a post: what was posted. Unique in the run. */
  content?: string;
  /** Under which key the mock model records requests for it. */
  modelKey?: string;
  task?: string;
  message?: string;
  state?: string;
  retryAfter?: string | null;
}

export type TaskState =
  | "blocked" | "delayed" | "waiting" | "ready" | "running" | "succeeded" | "failed" | "cancelled";

export interface StoredTask {
  id: string;
  message: string;
  conversation: string;
  state: TaskState;
  attempt: number;
  failures: number;
  failuresMax: number;
  worker: string | null;
  runAt: number;
  readyAt: number | null;
  startedAt: number | null;
  /** Bytes of text saved while it runs. */
  saved: number;
}

export interface StoredMessage {
  id: string;
  conversation: string;
  parent: string | null;
  task: string | null;
  role: string;
  status: string;
  content: string;
  reasoning: string;
  attempt: number | null;
  terminalIndex: number | null;
  terminalType: string | null;
}

/** What the database held at one moment. */
export interface Snapshot {
  at: number;
  tasks: StoredTask[];
  messages: StoredMessage[];
  /** Worker to the end of its lease. */
  leases: Record<string, number>;
  /** Of `PRAGMA integrity_check`: "ok". */
  integrity: string;
}

/** One request to the model: what was sent for it. */
export type Sent = Pick<
  Recorded,
  "key" | "sent_text" | "sent_reasoning" | "finished" | "closed_by_client" | "received_at_ms" | "closed_at_ms"
>;

/** A quantity that comes back after the storm. */
export interface Gauge {
  what: string;
  before: number;
  after: number;
  /** By how much it may have grown; 5 % unless given. */
  allowed?: number;
}

export interface Records {
  seen: Seen[];
  connections: Connection[];
  replies: Reply[];
  /** In the order in which the model got them. */
  sent: Sent[];
  /** Oldest first. */
  snapshots: Snapshot[];
  gauges: Gauge[];
  /** When the last fault was over. */
  healedAt: number;
}

export function noRecords(): Records {
  return { seen: [], connections: [], replies: [], sent: [], snapshots: [], gauges: [], healedAt: 0 };
}
