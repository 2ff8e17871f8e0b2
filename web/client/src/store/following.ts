/**
 * Follows single answers with callbacks, for those who do not want views: as many at once as they like, all from the one
 * feed. What was there before is told at once, as one chunk.
 */
import type { AnswerError, Message, Usage } from "../protocol/types.ts";
import { guarded } from "../sync/guarded.ts";
import type { Connection } from "./connection.ts";
import { isTerminal } from "./message_status.ts";
import type { Parts } from "./parts.ts";

export interface Followed {
  readonly sessionId: string;
  readonly messageId: string;
  /** The next piece of the text. `index` counts from 0; 0 again: the text begins again, what was told before is void. */
  readonly onChunk?: (content: string, index: number) => void;
  /** Once, after the last chunk: the whole text, also when the answer was stopped (`meta.status`). */
  readonly onComplete?: (fullContent: string, meta: FollowedMeta) => void;
  /** Once, instead of `onComplete`: the answer failed, or cannot be found. The text so far was told. */
  readonly onError?: (error: AnswerError) => void;
}

export interface FollowedMeta {
  readonly status: "completed" | "cancelled";
  readonly messageId: string;
  readonly finishReason: string | null;
  readonly usage: Usage | null;
  readonly ttftMs: number | null;
  readonly latencyMs: number | null;
  readonly model: string | null;
}

const not_found: AnswerError = {
  code: "not_found",
  message: "There is no such answer, or it was deleted.",
  retryable: false,
};

export class Following {
  readonly #parts: Parts;
  readonly #connection: Connection;

  constructor(parts: Parts, connection: Connection) {
    this.#parts = parts;
    this.#connection = connection;
  }

  follow(followed: Followed): () => void {
    const follower = new Follower(this.#parts, followed);
    void this.#begin(follower);
    return () => follower.end();
  }

  async #begin(follower: Follower): Promise<void> {
    const { ready, replica, cache, engine, isReachable, streams } = this.#parts;
    await ready();
    const { sessionId, messageId } = follower.followed;
    if (!replica.messages.has(messageId)) {
      replica.merge({ messages: await cache.messagesOf(sessionId) }, "cache");
    }
    if (!replica.messages.has(messageId) && isReachable()) {
      const reply = await engine.messages(sessionId, { limit: 200, order: "desc" });
      if (reply.ok) replica.merge({ messages: reply.value.data }, "read");
      else if (reply.problem.status === 404) return follower.fail(not_found);
    }
    follower.look();
    const message = replica.messages.get(messageId);
    const taskId = message?.task_id ?? null;
    if (taskId !== null && message !== undefined && !isTerminal(message.status) && isReachable()) {
      if (this.#connection.get().role !== "leader") await streams.catchUp(taskId);
    }
  }
}

class Follower {
  readonly followed: Followed;
  readonly #parts: Parts;
  readonly #endWatching: readonly (() => void)[];
  #told = "";
  #index = 0;
  #voids = 0;
  #isOver = false;

  constructor(parts: Parts, followed: Followed) {
    this.#parts = parts;
    this.followed = followed;
    this.#endWatching = [
      parts.streams.watch((taskId, text, added) => {
        if (parts.streams.messageOf(taskId)?.id !== followed.messageId) return;
        const isNext = added !== null && text?.content.length === this.#told.length + added.length;
        if (isNext && text.voids === this.#voids) this.#tellPiece(text.content, added);
        else this.look();
      }),
      parts.replica.onMerge((merged) => {
        if (merged.messages.some(({ now }) => now.id === followed.messageId)) this.look();
      }),
    ];
  }

  end(): void {
    this.#isOver = true;
    for (const end of this.#endWatching) end();
  }

  fail(error: AnswerError): void {
    if (this.#isOver) return;
    this.end();
    guarded(() => this.followed.onError?.(error));
  }

  /** Tells what is new, and the end. */
  look(): void {
    const message = this.#parts.replica.messages.get(this.followed.messageId);
    if (this.#isOver || message === undefined) return;
    if (isTerminal(message.status)) {
      this.#tell(message.content);
      this.#finish(message);
      return;
    }
    const text = this.#parts.streams.text(message.task_id);
    if (text === undefined) return;
    if (text.voids !== this.#voids) {
      this.#voids = text.voids;
      this.#told = "";
      this.#index = 0;
    }
    this.#tell(text.content);
  }

  #tell(content: string): void {
    if (this.#isOver || content === this.#told) return;
    if (!content.startsWith(this.#told)) {
      this.#told = "";
      this.#index = 0;
    }
    this.#tellPiece(content, content.slice(this.#told.length));
  }

  /** What comes piece by piece is not compared with what was told: that would cost more the longer the answer is. */
  #tellPiece(content: string, piece: string): void {
    if (this.#isOver || piece === "") return;
    this.#told = content;
    this.#index += 1;
    const index = this.#index - 1;
    guarded(() => this.followed.onChunk?.(piece, index));
  }

  #finish(message: Message): void {
    if (this.#isOver) return;
    this.end();
    if (message.status === "error") {
      const error = message.error ?? { code: "internal", message: "The answer failed.", retryable: true };
      guarded(() => this.followed.onError?.(error));
      return;
    }
    const meta: FollowedMeta = {
      status: message.status === "cancelled" ? "cancelled" : "completed",
      messageId: message.id,
      finishReason: message.finish_reason,
      usage: message.usage,
      ttftMs: message.ttft_ms,
      latencyMs: message.latency_ms,
      model: message.model,
    };
    guarded(() => this.followed.onComplete?.(message.content, meta));
  }
}
