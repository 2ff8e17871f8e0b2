/** The stores of the conversations that somebody has asked for, each the same object by either of its two ids. */
import { type ConversationHooks, LiveConversation } from "./conversation.ts";
import type { Parts } from "./parts.ts";

export class ConversationStores {
  readonly #parts: Parts;
  readonly #hooks: ConversationHooks;
  readonly #byId = new Map<string, LiveConversation>();

  constructor(parts: Parts, hooks: ConversationHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Made if it is not there yet. */
  get(id: string): LiveConversation {
    const known = this.find(id);
    if (known !== undefined) return known;
    const made = new LiveConversation(id, this.#parts, this.#hooks);
    this.#byId.set(id, made);
    return made;
  }

  /** By the engine's id or the local one. */
  find(id: string): LiveConversation | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const wanted = this.#parts.outbox.resolve(id);
    for (const store of this.#byId.values()) {
      if (store.id !== wanted) continue;
      this.#byId.set(id, store);
      return store;
    }
    return undefined;
  }

  all(): ReadonlySet<LiveConversation> {
    return new Set(this.#byId.values());
  }

  /** Those that a page shows. */
  open(): readonly LiveConversation[] {
    return [...this.all()].filter((store) => store.isOpen);
  }

  invalidate(): void {
    for (const store of this.all()) store.invalidate();
  }

  /** The text of one message changed; with `mayEnd` perhaps more than that. */
  invalidateMessage(messageId: string, mayEnd: boolean): void {
    const message = this.#parts.replica.messages.get(messageId);
    if (message !== undefined) this.find(message.conversation_id)?.invalidateMessage(messageId, mayEnd);
  }

  /** The text of a task whose message is not here yet: whose it is, nobody knows. */
  invalidateTask(taskId: string): void {
    for (const store of this.all()) store.invalidateTask(taskId);
  }
}
