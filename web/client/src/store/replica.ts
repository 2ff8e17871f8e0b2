/**
 * The conversations, messages and tasks this tab knows, by id, each as of its highest rev. Whatever brings an object (the
 * feed, a page that was read, the cache) goes through `merge`: what is older than what is here changes nothing, so no order
 * of arrivals matters. Watchers are told at once of what changed.
 */
import type { Changes, Conversation, Deleted, Message, Rev, Task } from "../protocol/types.ts";

/** Where objects came from: `feed`: it happened just now, or while this browser was away. */
export type Origin = "feed" | "snapshot" | "read" | "cache";

export interface Merged {
  readonly origin: Origin;
  readonly conversations: readonly Conversation[];
  readonly messages: readonly { readonly before: Message | undefined; readonly now: Message }[];
  readonly tasks: readonly Task[];
  /** Ids of conversations that are no more. */
  readonly removed: readonly string[];
  /** Tasks whose messages are no more. */
  readonly removedTasks: readonly string[];
}

/** Deleted objects whose ids are remembered, so that a reply that was on its way does not bring them back. */
const tombstones_max = 1_000;

export class Replica {
  rev: Rev | null = null;
  readonly conversations = new Map<string, Conversation>();
  readonly messages = new Map<string, Message>();
  readonly tasks = new Map<string, Task>();
  readonly #byConversation = new Map<string, Map<string, Message>>();
  readonly #tombstones = new Map<string, Rev>();
  readonly #watchers = new Set<(merged: Merged) => void>();

  /** Messages of a conversation, in no order. */
  messagesOf(conversationId: string): ReadonlyMap<string, Message> {
    return this.#byConversation.get(conversationId) ?? no_messages;
  }

  /** Returns what ends the watching. */
  onMerge(watcher: (merged: Merged) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** What the feed brought. A snapshot forgets what is not in it. */
  applyChanges(changes: Changes, rev: Rev, snapshot: boolean): Merged {
    if (snapshot) {
      const kept = new Set(changes.conversations.map((each) => each.id));
      const gone = [...this.conversations.keys()].filter((id) => !kept.has(id));
      this.#clear();
      this.rev = rev;
      return this.#merge(changes, "snapshot", rev, gone);
    }
    this.rev = Math.max(rev, this.rev ?? 0);
    return this.#merge(changes, "feed", rev, []);
  }

  /** What a reply or the cache brought. */
  merge(objects: Partial<Changes>, origin: "read" | "cache"): Merged {
    return this.#merge({ conversations: [], messages: [], tasks: [], ...objects }, origin, this.rev ?? 0, []);
  }

  /** Somebody else is asking: everything is forgotten, nobody is told. */
  forget(): void {
    this.rev = null;
    this.#clear();
  }

  #merge(changes: Changes, origin: Origin, rev: Rev, gone: readonly string[]): Merged {
    const removed = new Set(gone);
    const removedTasks: string[] = [];
    const conversations: Conversation[] = [];
    for (const each of changes.conversations) {
      if (isDeleted(each)) {
        this.#bury(each.id, rev);
        for (const { task_id } of this.messagesOf(each.id).values()) if (task_id) removedTasks.push(task_id);
        if (this.#removeConversation(each.id)) removed.add(each.id);
      } else if (this.#isNews(each, this.conversations.get(each.id))) {
        // It may be back: what belongs to it is welcome again.
        this.#tombstones.delete(each.id);
        this.conversations.set(each.id, each);
        conversations.push(each);
      }
    }
    const messages: { before: Message | undefined; now: Message }[] = [];
    for (const each of changes.messages) {
      if (isDeleted(each)) {
        this.#bury(each.id, rev);
        this.#removeMessage(each.id);
        continue;
      }
      const before = this.messages.get(each.id);
      if (!this.#isNews(each, before) || this.#isBuried(each.conversation_id, each.rev)) continue;
      this.messages.set(each.id, each);
      const siblings = this.#byConversation.get(each.conversation_id) ?? new Map<string, Message>();
      siblings.set(each.id, each);
      this.#byConversation.set(each.conversation_id, siblings);
      messages.push({ before, now: each });
    }
    const tasks: Task[] = [];
    for (const each of changes.tasks) {
      if (isDeleted(each)) this.tasks.delete(each.id);
      else {
        this.tasks.set(each.task_id, each);
        tasks.push(each);
      }
    }
    const merged: Merged = { origin, conversations, messages, tasks, removed: [...removed], removedTasks };
    for (const watcher of this.#watchers) watcher(merged);
    return merged;
  }

  #isNews(
    next: { readonly id: string; readonly rev: Rev },
    known: { readonly rev: Rev } | undefined,
  ): boolean {
    // At the same rev the later one is taken: what follows from a task (queued, generating) has no rev of its own.
    if (known !== undefined) return next.rev >= known.rev;
    return !this.#isBuried(next.id, next.rev);
  }

  #isBuried(id: string, rev: Rev): boolean {
    const buried = this.#tombstones.get(id);
    return buried !== undefined && rev <= buried;
  }

  #bury(id: string, rev: Rev): void {
    this.#tombstones.delete(id);
    this.#tombstones.set(id, rev);
    const [oldest] = this.#tombstones.keys();
    if (this.#tombstones.size > tombstones_max && oldest !== undefined) this.#tombstones.delete(oldest);
  }

  #removeConversation(id: string): boolean {
    for (const messageId of this.messagesOf(id).keys()) this.messages.delete(messageId);
    this.#byConversation.delete(id);
    for (const task of this.tasks.values()) if (task.conversation_id === id) this.tasks.delete(task.task_id);
    return this.conversations.delete(id);
  }

  #removeMessage(id: string): void {
    const message = this.messages.get(id);
    if (message === undefined) return;
    this.messages.delete(id);
    this.#byConversation.get(message.conversation_id)?.delete(id);
  }

  #clear(): void {
    this.conversations.clear();
    this.messages.clear();
    this.tasks.clear();
    this.#byConversation.clear();
    this.#tombstones.clear();
  }
}

const no_messages: ReadonlyMap<string, Message> = new Map();

function isDeleted(object: object): object is Deleted {
  return "deleted" in object;
}
