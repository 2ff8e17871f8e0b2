/**
 * What conversations need for as long as a page shows them: what is missing of them is read as soon as it can be, what runs
 * in them is caught up with, and what a visible page shows of them is no longer unread.
 */
import type { Connection } from "./connection.ts";
import type { LiveConversation } from "./conversation.ts";
import type { ConversationStores } from "./conversation_stores.ts";
import { isTerminal } from "./message_status.ts";
import type { Parts } from "./parts.ts";
import type { Unread } from "./unread.ts";

export class OpenConversations {
  readonly #parts: Parts;
  readonly #stores: ConversationStores;
  readonly #connection: Connection;
  readonly #unread: Unread;

  constructor(parts: Parts, stores: ConversationStores, connection: Connection, unread: Unread) {
    this.#parts = parts;
    this.#stores = stores;
    this.#connection = connection;
    this.#unread = unread;
  }

  /** A page shows it from now on, or no longer. */
  shown(store: LiveConversation): void {
    if (!store.isOpen) return;
    const { ready, sessions, clock } = this.#parts;
    void ready().then(() => {
      this.#look(store);
      sessions.set(store.id, { lastAccess: clock.now() });
    });
    void store.history.load().then(() => this.#catchUp(store));
  }

  /** Somebody may look at the page now. */
  look(): void {
    for (const store of this.#stores.open()) this.#look(store);
  }

  load(): void {
    for (const store of this.#stores.open()) void store.history.load();
  }

  /** What could not be read may be readable by now. */
  loadWanting(): void {
    for (const store of this.#stores.open()) {
      if (store.history.isWanting) void store.history.load().then(() => this.#catchUp(store));
    }
  }

  catchUp(): void {
    for (const store of this.#stores.open()) this.#catchUp(store);
  }

  #look(store: LiveConversation): void {
    if (this.#parts.environment.isVisible()) this.#unread.look(store.id);
  }

  /** With what other tabs have heard of the answers that run here: a follower is sent only what comes from now on. */
  #catchUp(store: LiveConversation): void {
    const { isReachable, replica, streams } = this.#parts;
    if (!isReachable() || this.#connection.get().role === "leader") return;
    for (const message of replica.messagesOf(store.id).values()) {
      if (!isTerminal(message.status) && message.task_id !== null) void streams.catchUp(message.task_id);
    }
  }
}
