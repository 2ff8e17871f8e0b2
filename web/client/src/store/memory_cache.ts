/** The cache where nothing can be kept: Node, private windows that forbid IndexedDB, and when the disk is full. */
import type { Conversation, Message, MessageStatus } from "../protocol/types.ts";
import {
  type Cached,
  type CachePort,
  type CacheWrite,
  empty_meta,
  isLaterStream,
  type Meta,
  type OutboxRow,
  type SessionMembers,
  type SessionRow,
  type StreamRow,
  sessionRow,
} from "./cache_port.ts";
import { isTerminal } from "./message_status.ts";

export class MemoryCache implements CachePort {
  readonly kind = "memory";
  #meta: Meta = empty_meta;
  readonly #sessions = new Map<string, SessionRow>();
  readonly #messages = new Map<string, Map<string, Message>>();
  readonly #streams = new Map<string, StreamRow>();
  readonly #outbox = new Map<string, OutboxRow>();

  async load(): Promise<Cached> {
    return {
      meta: this.#meta,
      sessions: [...this.#sessions.values()],
      streams: [...this.#streams.values()],
      outbox: await this.outbox(),
    };
  }

  async messagesOf(sessionId: string): Promise<readonly Message[]> {
    return [...(this.#messages.get(sessionId)?.values() ?? [])];
  }

  async write(changes: CacheWrite): Promise<void> {
    if (changes.reset === true) {
      this.#sessions.clear();
      this.#messages.clear();
      this.#streams.clear();
      this.#meta = { ...empty_meta, models: this.#meta.models };
    }
    for (const conversation of changes.conversations ?? []) this.#putConversation(conversation);
    for (const message of changes.messages ?? []) this.#putMessage(message);
    for (const id of changes.removed ?? []) {
      this.#sessions.delete(id);
      this.#messages.delete(id);
      for (const row of this.#streams.values()) if (row.sessionId === id) this.#streams.delete(row.taskId);
    }
    await this.dropStreams(changes.endedTasks ?? []);
    if (changes.rev !== undefined && changes.rev > (this.#meta.rev ?? -1)) {
      this.#meta = { ...this.#meta, rev: changes.rev };
    }
  }

  async touch(sessionId: string, members: SessionMembers): Promise<void> {
    const row = this.#sessions.get(sessionId);
    if (row !== undefined) this.#sessions.set(sessionId, { ...row, ...members });
  }

  async setMeta(members: Partial<Omit<Meta, "rev">>): Promise<void> {
    this.#meta = { ...this.#meta, ...members };
  }

  async putStreams(rows: readonly StreamRow[]): Promise<void> {
    for (const row of rows) {
      if (isLaterStream(this.#streams.get(row.taskId), row)) this.#streams.set(row.taskId, row);
    }
  }

  async markStream(sessionId: string, messageId: string, status: MessageStatus): Promise<void> {
    for (const row of this.#streams.values()) {
      if (row.sessionId !== sessionId || row.messageId !== messageId) continue;
      if (isTerminal(status)) this.#streams.delete(row.taskId);
      else this.#streams.set(row.taskId, { ...row, status });
    }
  }

  async dropStreams(taskIds: readonly string[]): Promise<void> {
    for (const id of taskIds) this.#streams.delete(id);
  }

  async outbox(): Promise<readonly OutboxRow[]> {
    return [...this.#outbox.values()].sort((left, right) => left.order - right.order);
  }

  async putOutbox(row: OutboxRow): Promise<void> {
    this.#outbox.set(row.key, row);
  }

  async dropOutbox(key: string): Promise<void> {
    this.#outbox.delete(key);
  }

  async forgetMessages(sessionIds: readonly string[]): Promise<void> {
    for (const id of sessionIds) {
      this.#messages.delete(id);
      await this.touch(id, { completeness: "title", olderCursor: null });
    }
  }

  async eachMessage(visit: (message: Message) => void): Promise<void> {
    for (const messages of this.#messages.values()) for (const message of messages.values()) visit(message);
  }

  close(): void {}

  #putConversation(conversation: Conversation): void {
    const known = this.#sessions.get(conversation.id);
    if (known !== undefined && known.conversation.rev > conversation.rev) return;
    this.#sessions.set(conversation.id, sessionRow(conversation, known));
  }

  #putMessage(message: Message): void {
    const kept = this.#messages.get(message.conversation_id) ?? new Map<string, Message>();
    this.#messages.set(message.conversation_id, kept);
    const known = kept.get(message.id);
    if (known === undefined || known.rev <= message.rev) kept.set(message.id, message);
  }
}
