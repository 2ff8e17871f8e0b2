/**
 * Brings the messages of one conversation here: from the cache at once, then pages of the engine, newest first, until the
 * shown branch is there. What changes later comes by the feed.
 */
import type { Problem } from "../protocol/types.ts";
import type { ConversationView } from "./contract.ts";
import type { Parts } from "./parts.ts";
import type { Path } from "./tree.ts";

export interface HistoryOf {
  readonly id: () => string;
  readonly isLocal: () => boolean;
  readonly path: () => Path;
  readonly changed: () => void;
}

type Progress =
  | { readonly kind: "untouched" | "reading" | "loaded" | "missing" }
  /** The engine could not be asked; goes on when it can. */
  | { readonly kind: "unreachable" }
  | { readonly kind: "failed"; readonly problem: Problem };

/** So many messages of a branch are brought at once, and so many more whenever somebody scrolls to the top. */
const page_messages = 50;
const whole_pages_max = 200;

export class History {
  readonly #parts: Parts;
  readonly #of: HistoryOf;
  #progress: Progress = { kind: "untouched" };
  #cacheWasRead = false;
  #running: Promise<void> | null = null;
  /** Goes up with each begin(): what is asked for before says nothing about what holds after. */
  #beginning = 0;

  constructor(parts: Parts, of: HistoryOf) {
    this.#parts = parts;
    this.#of = of;
  }

  state(isKnown: boolean, hasMessages: boolean): ConversationView["state"] {
    const progress = this.#progress;
    if (this.#of.isLocal())
      return hasMessages ? "ready" : progress.kind === "missing" ? "missing" : "loading";
    // Also of a conversation that is gone: what was written for it and cannot be sent is still somebody's text.
    if (hasMessages) return "ready";
    switch (progress.kind) {
      case "missing":
        return isKnown ? "ready" : "missing";
      case "loaded":
        return isKnown ? "ready" : "missing";
      case "unreachable":
        return "unavailable_offline";
      case "failed":
        return { failed: progress.problem };
      case "untouched":
      case "reading":
        return "loading";
    }
  }

  /** The conversation is gone, or everything was forgotten: what is here says nothing any more. */
  begin(how: "missing" | "again"): void {
    this.#beginning += 1;
    this.#cacheWasRead = false;
    this.#parts.sessions.set(this.#of.id(), { olderCursor: null });
    this.#set(how === "missing" ? { kind: "missing" } : { kind: "untouched" });
  }

  /** Whether something is left to do once the engine can be asked. */
  get isWanting(): boolean {
    return this.#progress.kind !== "loaded" && this.#progress.kind !== "missing";
  }

  get isMissing(): boolean {
    return this.#progress.kind === "missing";
  }

  get isUntouched(): boolean {
    return this.#progress.kind === "untouched";
  }

  load(): Promise<void> {
    return this.#once(async () => {
      if (this.#progress.kind === "loaded") return;
      if (this.#progress.kind === "failed") this.#set({ kind: "reading" });
      await this.#readCache();
      if (this.#of.isLocal()) return this.#loadLocal();
      if (!(await this.#readConversation())) return;
      await this.#readPages(() => this.#isEnough());
    });
  }

  loadOlder(): Promise<void> {
    return this.#once(async () => {
      const wanted = this.#of.path().messages.length + page_messages;
      await this.#readCache();
      await this.#readPages(() => !this.#of.path().continues || this.#of.path().messages.length >= wanted);
    });
  }

  /** Every message of every branch, or as far as that is possible now. */
  loadAll(): Promise<void> {
    return this.#once(async () => {
      await this.#readCache();
      if (this.#of.isLocal() || !(await this.#readConversation())) return;
      await this.#readPages(() => this.#isWhole());
    });
  }

  async #readCache(): Promise<void> {
    await this.#parts.ready();
    if (this.#cacheWasRead) return;
    this.#cacheWasRead = true;
    const beginning = this.#beginning;
    if (this.#progress.kind === "untouched") this.#set({ kind: "reading" });
    const messages = await this.#parts.cache.messagesOf(this.#of.id());
    if (messages.length > 0 && beginning === this.#beginning)
      this.#parts.replica.merge({ messages }, "cache");
  }

  async #readConversation(): Promise<boolean> {
    const id = this.#of.id();
    if (this.#parts.replica.conversations.has(id)) return true;
    if (!this.#parts.isReachable()) {
      this.#set({ kind: "unreachable" });
      return false;
    }
    const beginning = this.#beginning;
    const reply = await this.#parts.engine.conversation(id);
    if (beginning !== this.#beginning) return false;
    if (reply.ok) this.#parts.replica.merge({ conversations: [reply.value] }, "read");
    else this.#fail(reply.problem);
    return reply.ok;
  }

  async #readPages(isEnough: () => boolean): Promise<void> {
    const { engine, replica, sessions } = this.#parts;
    const id = this.#of.id();
    const beginning = this.#beginning;
    for (let pages = 0; pages < whole_pages_max && !isEnough(); pages += 1) {
      if (!this.#parts.isReachable()) return this.#set({ kind: "unreachable" });
      const cursor = sessions.get(id).olderCursor ?? undefined;
      const reply = await engine.messages(id, { limit: page_messages, cursor, order: "desc" });
      if (beginning !== this.#beginning) return;
      if (!reply.ok) {
        // A cursor of long ago that the engine does not take any more: from the newest, then.
        if (cursor === undefined || reply.problem.status !== 400) return this.#fail(reply.problem);
        sessions.set(id, { olderCursor: null });
        continue;
      }
      replica.merge({ messages: reply.value.data }, "read");
      sessions.set(id, { olderCursor: reply.value.next_cursor });
      if (reply.value.next_cursor === null) break;
    }
    this.#set({ kind: "loaded" });
  }

  #loadLocal(): void {
    const { outbox } = this.#parts;
    this.#set({ kind: outbox.entriesOf(this.#of.id()).length > 0 ? "loaded" : "missing" });
  }

  #isEnough(): boolean {
    const path = this.#of.path();
    if (path.messages.length === 0)
      return this.#parts.replica.conversations.get(this.#of.id())?.message_count === 0;
    return !path.continues || path.messages.length >= page_messages;
  }

  #isWhole(): boolean {
    const count = this.#parts.replica.conversations.get(this.#of.id())?.message_count ?? 0;
    return this.#parts.replica.messagesOf(this.#of.id()).size >= count;
  }

  #fail(problem: Problem): void {
    if (problem.code === "network") this.#set({ kind: "unreachable" });
    else if (problem.status === 404) this.#set({ kind: "missing" });
    else this.#set({ kind: "failed", problem });
  }

  #set(progress: Progress): void {
    this.#progress = progress;
    this.#of.changed();
  }

  /** One reading at a time; a second wish waits for the first. */
  #once(run: () => Promise<void>): Promise<void> {
    const before = this.#running ?? Promise.resolve();
    const running = before.then(run);
    this.#running = running;
    return running;
  }
}
