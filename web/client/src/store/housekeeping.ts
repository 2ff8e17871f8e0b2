/**
 * What is done when there is nothing better to do: bring the conversations that are likely to be opened next into the cache,
 * bring the rest of the titles, throw away texts of conversations nobody opens any more.
 */

import type { Conversation } from "../protocol/types.ts";
import type { Parts } from "./parts.ts";
import type { SessionNote } from "./sessions.ts";
import type { Titles } from "./titles.ts";

/** So many conversations are kept in full; of the others, titles. */
export const kept_in_full = 50;
/** A conversation longer than this is brought when it is opened. */
const prefetched_pages_max = 10;
const page_messages = 200;
const at_once = 2;

export class Housekeeping {
  readonly #parts: Parts;
  readonly #titles: Titles;
  readonly #tried = new Set<string>();
  #end: (() => void) | null = null;
  #stopped = false;
  #isBusy = false;

  constructor(parts: Parts, titles: Titles) {
    this.#parts = parts;
    this.#titles = titles;
  }

  /** Something changed that may have made work. */
  wake(): void {
    if (this.#end !== null || this.#stopped || this.#isBusy) return;
    this.#end = this.#parts.environment.whenIdle(() => {
      this.#end = null;
      void this.#work();
    });
  }

  /** Somebody points at it: it is likely to be opened. */
  async prefetch(id: string): Promise<void> {
    if (this.#isWanted(id)) await this.#fetch(id);
  }

  /** Somebody else is asking, or everything was thrown away: begin again. */
  forget(): void {
    this.#tried.clear();
  }

  stop(): void {
    this.#stopped = true;
    this.#end?.();
  }

  async #work(): Promise<void> {
    if (!this.#parts.isReachable() || this.#parts.replica.rev === null) return;
    this.#isBusy = true;
    let more = false;
    try {
      more = await this.#step();
    } finally {
      this.#isBusy = false;
    }
    if (more) this.wake();
  }

  /** A little of it; true while there may be more. */
  async #step(): Promise<boolean> {
    const { environment } = this.#parts;
    if (!environment.savesData()) {
      const next = this.#likely()
        .filter((id) => this.#isWanted(id))
        .slice(0, at_once);
      await Promise.all(next.map((id) => this.#fetch(id)));
      if (next.length > 0) return true;
    }
    if (this.#titles.hasMore()) {
      const before = this.#parts.replica.conversations.size;
      await this.#titles.more();
      if (this.#titles.hasMore() && this.#parts.replica.conversations.size > before) return true;
    }
    await this.#tidy();
    return false;
  }

  /** Most likely first. */
  #likely(): readonly string[] {
    return [...this.#parts.replica.conversations.values()]
      .map((conversation) => ({
        id: conversation.id,
        note: this.#parts.sessions.get(conversation.id),
        conversation,
      }))
      .sort((left, right) => likelihood(right) - likelihood(left) || lastUse(right) - lastUse(left))
      .slice(0, kept_in_full)
      .map((each) => each.id);
  }

  #isWanted(id: string): boolean {
    const { replica, sessions } = this.#parts;
    return replica.conversations.has(id) && sessions.get(id).completeness !== "full" && !this.#tried.has(id);
  }

  /** Into the cache, not into memory: most of it is not looked at. */
  async #fetch(id: string): Promise<void> {
    this.#tried.add(id);
    const { engine, cache, sessions, isReachable } = this.#parts;
    let cursor: string | undefined;
    for (let pages = 0; pages < prefetched_pages_max && isReachable(); pages += 1) {
      const reply = await engine.messages(id, { limit: page_messages, cursor, order: "desc" });
      // Forgotten meanwhile: it is not for the cache of whoever asks now.
      if (!reply.ok || !this.#tried.has(id)) return;
      await cache.write({ messages: reply.value.data });
      cursor = reply.value.next_cursor ?? undefined;
      if (cursor === undefined) {
        sessions.set(id, { completeness: "full", olderCursor: null });
        return;
      }
    }
  }

  async #tidy(): Promise<void> {
    const kept = new Set(this.#likely());
    const old: string[] = [];
    for (const [id, note] of this.#parts.sessions.all()) {
      if (!kept.has(id) && (note.completeness === "full" || note.olderCursor !== null)) old.push(id);
    }
    if (old.length === 0) return;
    await this.#parts.cache.forgetMessages(old);
    for (const id of old) this.#parts.sessions.set(id, { completeness: "title", olderCursor: null });
  }
}

interface Candidate {
  readonly conversation: Conversation;
  readonly note: SessionNote;
}

function likelihood({ conversation, note }: Candidate): number {
  return (
    (conversation.pinned ? 1 : 0) +
    (note.unread.length > 0 ? 2 : 0) +
    (conversation.active_task_ids.length > 0 ? 2 : 0)
  );
}

function lastUse({ conversation, note }: Candidate): number {
  return Math.max(note.lastAccess, Date.parse(conversation.updated_at));
}
