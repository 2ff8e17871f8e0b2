/** The calls of the engine, over HTTP. Nothing here throws because of a network or a status: see `Reply`. */
import { decodeChunkPage } from "./chunk_page.ts";
import {
  decodeActiveStream,
  decodeChangesPage,
  decodeConversation,
  decodeMe,
  decodeMessage,
  decodeModel,
  decodePage,
  decodeSubmission,
  decodeTask,
} from "./decode.ts";
import { formatPosition } from "./position.ts";
import { Transport, type TransportOptions } from "./transport.ts";
import type {
  ActiveStream,
  ChangesPage,
  ChunkPage,
  Conversation,
  Me,
  Message,
  Model,
  Page,
  Position,
  Reply,
  Rev,
  Submission,
  Task,
} from "./types.ts";

export interface ListQuery {
  /** 1 to 200. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What a PATCH changes; null clears. */
export interface ConversationChange {
  readonly title?: string;
  readonly pinned?: boolean;
  readonly model?: string | null;
  readonly system_prompt?: string | null;
}

const path = (strings: TemplateStringsArray, id: string) =>
  `${strings[0]}${encodeURIComponent(id)}${strings[1]}`;

/**
 * One method per call. `key` is an Idempotency-Key: the same key with the same content starts nothing twice, so a call whose
 * reply was lost is repeated with it. A `signal` calls off the waiting, not what the engine does.
 */
export class Api {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  me(signal?: AbortSignal): Promise<Reply<Me>> {
    return this.#transport.get("/me", {}, decodeMe, signal);
  }

  async models(signal?: AbortSignal): Promise<Reply<readonly Model[]>> {
    return rows(await this.#transport.get("/models", {}, decodePage(decodeModel), signal));
  }

  /** Pinned ones first, then by newest activity. With `q`: those that contain it, each with a snippet. */
  conversations(
    query: ListQuery & { readonly q?: string | undefined } = {},
    signal?: AbortSignal,
  ): Promise<Reply<Page<Conversation>>> {
    return this.#transport.get("/conversations", { ...query }, decodePage(decodeConversation), signal);
  }

  search(q: string, signal?: AbortSignal, limit = 50): Promise<Reply<Page<Conversation>>> {
    return this.conversations({ q, limit }, signal);
  }

  conversation(id: string, signal?: AbortSignal): Promise<Reply<Conversation>> {
    return this.#transport.get(path`/conversations/${id}`, {}, decodeConversation, signal);
  }

  create(
    members: { title?: string; model?: string; system_prompt?: string } = {},
    signal?: AbortSignal,
  ): Promise<Reply<Conversation>> {
    return this.#transport.send("POST", "/conversations", members, decodeConversation, { signal });
  }

  change(id: string, members: ConversationChange, signal?: AbortSignal): Promise<Reply<Conversation>> {
    return this.#transport.send("PATCH", path`/conversations/${id}`, members, decodeConversation, { signal });
  }

  remove(id: string, signal?: AbortSignal): Promise<Reply<null>> {
    return this.#transport.send("DELETE", path`/conversations/${id}`, undefined, () => null, { signal });
  }

  restore(id: string, signal?: AbortSignal): Promise<Reply<Conversation>> {
    return this.#transport.send("POST", path`/conversations/${id}/restore`, undefined, decodeConversation, {
      signal,
    });
  }

  messages(
    conversationId: string,
    query: ListQuery & { readonly order?: "asc" | "desc" } = {},
    signal?: AbortSignal,
  ): Promise<Reply<Page<Message>>> {
    const address = path`/conversations/${conversationId}/messages`;
    return this.#transport.get(address, { ...query }, decodePage(decodeMessage), signal);
  }

  /** Without `parent_id` the question follows the newest message. */
  post(
    conversationId: string,
    post: { content: string; parent_id?: string | undefined; model?: string | undefined },
    key: string,
    signal?: AbortSignal,
  ): Promise<Reply<Submission>> {
    return this.#submit(path`/conversations/${conversationId}/messages`, post, key, signal);
  }

  /** A conversation and its first question in one (`POST /chat/messages`); `session_id` of the reply is the conversation. */
  begin(
    post: { content: string; model?: string | undefined; system_prompt?: string | undefined },
    key: string,
    signal?: AbortSignal,
  ): Promise<Reply<Submission>> {
    return this.#submit("/chat/messages", post, key, signal);
  }

  edit(messageId: string, content: string, key: string, signal?: AbortSignal): Promise<Reply<Submission>> {
    return this.#submit(path`/messages/${messageId}/edit`, { content }, key, signal);
  }

  regenerate(
    messageId: string,
    model: string | undefined,
    key: string,
    signal?: AbortSignal,
  ): Promise<Reply<Submission>> {
    return this.#submit(path`/messages/${messageId}/regenerate`, { model }, key, signal);
  }

  retry(taskId: string, key: string, signal?: AbortSignal): Promise<Reply<Submission>> {
    return this.#submit(path`/tasks/${taskId}/retry`, undefined, key, signal);
  }

  /** State `cancelling`: it takes more than 2 s to stop. May be repeated. A task that ended first stays as it is. */
  cancel(taskId: string, signal?: AbortSignal): Promise<Reply<Task>> {
    return this.#transport.send("POST", path`/tasks/${taskId}/cancel`, undefined, decodeTask, { signal });
  }

  task(taskId: string, signal?: AbortSignal): Promise<Reply<Task>> {
    return this.#transport.get(path`/tasks/${taskId}`, {}, decodeTask, signal);
  }

  /** Tasks that have not ended, newest first, at most 1,000. */
  async activeStreams(signal?: AbortSignal): Promise<Reply<readonly ActiveStream[]>> {
    return rows(await this.#transport.get("/active-streams", {}, decodePage(decodeActiveStream), signal));
  }

  /** A `rev` below `since`: the engine never gave out that one; forget everything and begin with 0. */
  changes(since: Rev, limit?: number, signal?: AbortSignal): Promise<Reply<ChangesPage>> {
    return this.#transport.get("/changes", { since, limit }, decodeChangesPage, signal);
  }

  /** The bytes of `/events`. Resolves when the head is there; there is no limit to how long the body takes. */
  events(
    query: { readonly since: Rev | null; readonly cursors: string },
    signal: AbortSignal,
  ): Promise<Reply<ReadableStream<Uint8Array>>> {
    const { since, cursors } = query;
    const members = { since: since ?? undefined, cursors: cursors === "" ? undefined : cursors };
    return this.#transport.open("/events", members, signal);
  }

  /** One page of a stream as JSON: at once what there is behind `after`, or after at most `waitSeconds` (0 to 60) nothing. */
  readStream(
    taskId: string,
    after: Position | null,
    waitSeconds: number,
    signal?: AbortSignal,
  ): Promise<Reply<ChunkPage>> {
    const query = { after: formatPosition(after), wait: waitSeconds };
    const address = path`/stream/${taskId}`;
    return this.#transport.get(address, query, decodeChunkPage(taskId, after), signal, waitSeconds * 1000);
  }

  #submit(address: string, body: unknown, key: string, signal: AbortSignal | undefined) {
    return this.#transport.send("POST", address, body, decodeSubmission, { key, signal });
  }
}

function rows<T>(reply: Reply<Page<T>>): Reply<readonly T[]> {
  return reply.ok ? { ok: true, value: reply.value.data } : reply;
}
