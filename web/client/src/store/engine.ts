/**
 * The calls of the engine that the store makes. `protocol/` has them over HTTP; tests have an engine in the process. Nothing
 * here throws: what went wrong is a `Problem` (`network`: no reply came, so nobody knows whether it was done).
 */
import type {
  Changes,
  Conversation,
  Me,
  Message,
  Model,
  Problem,
  Rev,
  Submission,
  Task,
} from "../protocol/types.ts";

export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export interface Page<T> {
  readonly data: readonly T[];
  /** Opaque; null on the last page. */
  readonly next_cursor: string | null;
}

export interface Engine {
  me(signal?: AbortSignal): Promise<Reply<Me>>;
  models(): Promise<Reply<readonly Model[]>>;
  conversations(
    query: { limit: number; cursor?: string | undefined; q?: string | undefined },
    signal?: AbortSignal,
  ): Promise<Reply<Page<Conversation>>>;
  conversation(id: string): Promise<Reply<Conversation>>;
  messages(
    conversationId: string,
    query: { limit: number; cursor?: string | undefined; order: "asc" | "desc" },
    signal?: AbortSignal,
  ): Promise<Reply<Page<Message>>>;
  change(id: string, members: ConversationChange): Promise<Reply<Conversation>>;
  remove(id: string): Promise<Reply<null>>;
  restore(id: string): Promise<Reply<Conversation>>;
  /** `POST /chat/messages` without a session: a new conversation and its first question in one. */
  begin(post: { content: string; model?: string | undefined }, key: string): Promise<Reply<Submission>>;
  post(
    conversationId: string,
    post: { content: string; parent_id?: string | undefined; model?: string | undefined },
    key: string,
  ): Promise<Reply<Submission>>;
  edit(messageId: string, content: string, key: string): Promise<Reply<Submission>>;
  regenerate(messageId: string, model: string | undefined, key: string): Promise<Reply<Submission>>;
  retry(taskId: string, key: string): Promise<Reply<Submission>>;
  cancel(taskId: string): Promise<Reply<Task>>;
  /** One page of what changed after a rev; `more`: ask again at once. */
  changes(since: Rev): Promise<Reply<ChangesPage>>;
}

export interface ConversationChange {
  readonly title?: string;
  readonly pinned?: boolean;
  readonly model?: string | null;
  readonly system_prompt?: string | null;
}

export interface ChangesPage extends Changes {
  readonly rev: Rev;
  readonly more: boolean;
}
