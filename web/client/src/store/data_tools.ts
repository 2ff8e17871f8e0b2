/** What a person may do with everything this browser has and the engine keeps: measure, clear, take along. */
import type { Conversation, Message, Page, Reply } from "../protocol/types.ts";
import type { DataTools } from "./contract.ts";
import { conversationJson } from "./export.ts";
import type { Parts } from "./parts.ts";

const page_limit = 200;

export class Data implements DataTools {
  readonly #parts: Parts;

  readonly #cleared: () => void;

  /** `cleared`: what was thrown away may be brought again. */
  constructor(parts: Parts, cleared: () => void) {
    this.#parts = parts;
    this.#cleared = cleared;
  }

  async usage(): Promise<{ conversations: number; inFull: number; bytes: number | null }> {
    const { replica, sessions } = this.#parts;
    const ids = [...replica.conversations.keys()];
    const inFull = ids.filter((id) => sessions.get(id).completeness === "full").length;
    return { conversations: ids.length, inFull, bytes: await bytesUsed() };
  }

  async clearCache(): Promise<void> {
    const { cache, replica, sessions } = this.#parts;
    const conversations = [...replica.conversations.values()];
    const messages = [...replica.messages.values()];
    // What this page has in memory stays valid and is written again; the rest comes back when there is time.
    await cache.write({
      reset: true,
      conversations,
      messages,
      ...(replica.rev === null ? {} : { rev: replica.rev }),
    });
    for (const { id, message_count } of conversations) {
      const isFull = replica.messagesOf(id).size >= message_count;
      sessions.set(id, { completeness: isFull ? "full" : "title", olderCursor: null });
    }
    this.#cleared();
  }

  async exportAll(progress: (done: number, all: number) => void, signal?: AbortSignal): Promise<Blob> {
    const conversations = await this.#pages<Conversation>((cursor) =>
      this.#parts.engine.conversations({ limit: page_limit, cursor }, signal),
    );
    const texts: string[] = [];
    for (const conversation of conversations) {
      progress(texts.length, conversations.length);
      const messages = await this.#pages<Message>((cursor) =>
        this.#parts.engine.messages(conversation.id, { limit: page_limit, cursor, order: "asc" }, signal),
      );
      texts.push(conversationJson(conversation, messages).trimEnd());
      signal?.throwIfAborted();
    }
    progress(texts.length, conversations.length);
    return new Blob([`[\n${texts.join(",\n")}\n]\n`], { type: "application/json" });
  }

  /** Throws an Error whose message is for people when a page cannot be had: half an export is none. */
  async #pages<T>(read: (cursor: string | undefined) => Promise<Reply<Page<T>>>): Promise<readonly T[]> {
    const all: T[] = [];
    let cursor: string | undefined;
    do {
      const reply = await read(cursor);
      if (!reply.ok) throw new Error(reply.problem.detail);
      all.push(...reply.value.data);
      cursor = reply.value.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return all;
  }
}

async function bytesUsed(): Promise<number | null> {
  if (typeof navigator === "undefined" || !("storage" in navigator)) return null;
  try {
    return (await navigator.storage.estimate()).usage ?? null;
  } catch {
    return null;
  }
}
