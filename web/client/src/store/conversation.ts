/** The store of one conversation: what is shown of it, and what people do with it. */

import { randomId } from "../protocol/random_id.ts";
import type { Conversation, Message } from "../protocol/types.ts";
import type { OutboxRow } from "./cache_port.ts";
import type { ConversationStore, ConversationView, MessageView, Outcome, Readable } from "./contract.ts";
import { exportConversation } from "./export.ts";
import { History } from "./history.ts";
import { isTerminal } from "./message_status.ts";
import { currentStatus, entryView, messageView, promisedView } from "./message_view.ts";
import { answerKey, type Entry } from "./outbox.ts";
import { done, ourProblem, outcomeOf, type Parts, refused } from "./parts.ts";
import { View } from "./readable.ts";
import type { Retries } from "./retries.ts";
import { type Branch, no_branch, type Path, Tree } from "./tree.ts";

export interface ConversationHooks {
  readonly retries: Retries;
  /** The page shows it now, or no longer. */
  readonly onShown: (conversation: LiveConversation) => void;
  readonly setDraft: (conversationId: string, text: string) => void;
}

export class LiveConversation implements ConversationStore {
  readonly history: History;
  readonly #parts: Parts;
  readonly #hooks: ConversationHooks;
  readonly #givenId: string;
  readonly #view: View<ConversationView>;
  readonly #messages = new Map<string, View<MessageView | undefined>>();
  #tree: Tree | null = null;
  #openings = 0;
  /** How this conversation begins, when what began it went back to the draft. */
  #beginning: Pick<OutboxRow, "what" | "model"> | null = null;

  constructor(id: string, parts: Parts, hooks: ConversationHooks) {
    this.#givenId = id;
    this.#parts = parts;
    this.#hooks = hooks;
    this.#view = new View(parts.batch, (previous) => this.#compute(previous));
    this.history = new History(parts, {
      id: () => this.id,
      isLocal: () => this.#isLocal(),
      path: () => this.path(),
      changed: () => this.#view.invalidate(),
    });
  }

  /** The engine's id if there is one by now. */
  get id(): string {
    return this.#parts.outbox.resolve(this.#givenId);
  }

  get isOpen(): boolean {
    return this.#openings > 0;
  }

  get(): ConversationView {
    return this.#view.get();
  }

  subscribe(listener: () => void): () => void {
    return this.#view.subscribe(listener);
  }

  message(key: string): Readable<MessageView | undefined> {
    let view = this.#messages.get(key);
    if (view === undefined) {
      view = new View(this.#parts.batch, () => this.#computeMessage(key));
      this.#messages.set(key, view);
    }
    return view;
  }

  open(): () => void {
    this.#openings += 1;
    this.#hooks.onShown(this);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#openings -= 1;
      this.#hooks.onShown(this);
    };
  }

  loadOlder(): Promise<void> {
    return this.history.loadOlder();
  }

  send(content: string): void {
    if (this.#beginning !== null) {
      const { what, model } = this.#beginning;
      this.#beginning = null;
      this.#parts.outbox.add(what, this.id, content, model);
      return;
    }
    const path = this.path();
    const leaf = path.messages.at(-1);
    const newest = this.tree().newest;
    const parentId = leaf === undefined || leaf === newest ? null : leaf.id;
    this.#showNewest();
    this.#parts.outbox.add({ kind: "post", parentId }, this.id, content, null);
  }

  async stop(messageKey?: string): Promise<Outcome> {
    const key = messageKey ?? this.get().runningKey;
    if (key === null) return done;
    const taskId = this.#taskOf(key);
    if (taskId === null)
      return refused(ourProblem("not_found", "Nothing to stop", "No answer is being written."));
    let reply = await this.#parts.engine.cancel(taskId);
    // Stopping twice is stopping once, so a lost reply costs nothing but another try.
    if (!reply.ok && reply.problem.code === "network") reply = await this.#parts.engine.cancel(taskId);
    if (reply.ok) this.#parts.replica.merge({ tasks: [reply.value] }, "read");
    return outcomeOf(reply);
  }

  async regenerate(messageKey: string, model?: string): Promise<Outcome> {
    const id = this.#parts.keys.idOf(messageKey);
    this.#hooks.retries.callOff(id);
    const key = randomId();
    const branch = this.#branch;
    let reply = await this.#parts.engine.regenerate(id, model, key);
    if (!reply.ok && reply.problem.code === "network")
      reply = await this.#parts.engine.regenerate(id, model, key);
    // Who has stepped to another version meanwhile reads that one.
    if (reply.ok && this.#branch === branch) this.#showNewest();
    return outcomeOf(reply);
  }

  async edit(messageKey: string, content: string): Promise<Outcome> {
    const messageId = this.#parts.keys.idOf(messageKey);
    if (!this.#parts.replica.messages.has(messageId)) {
      return refused(ourProblem("not_found", "Not sent yet", "This message can be edited once it was sent."));
    }
    this.#showNewest();
    const row = this.#parts.outbox.add({ kind: "edit", messageId }, this.id, content, null);
    const { problem } = await this.#parts.outbox.settled(row.key);
    return problem === null ? done : refused(problem);
  }

  switchBranch(messageKey: string, step: number): void {
    const message = this.#parts.replica.messages.get(this.#parts.keys.idOf(messageKey));
    if (message === undefined) return;
    const versions = this.tree().versions(message);
    const target = versions[versions.indexOf(message) + step];
    if (target !== undefined) this.#choose(target.id);
  }

  callOffRetry(messageKey: string): void {
    this.#hooks.retries.callOff(this.#parts.keys.idOf(messageKey));
  }

  resend(messageKey: string): void {
    this.#parts.outbox.resend(messageKey);
  }

  discard(messageKey: string): void {
    const row = this.#parts.outbox.entry(messageKey)?.row;
    const text = this.#parts.outbox.discard(messageKey);
    if (text === null || row === undefined) return;
    if (row.what.kind === "begin") this.#beginning = row;
    this.#hooks.setDraft(this.id, text);
    this.#view.invalidate();
  }

  setModel(model: string | null): Promise<Outcome> {
    return this.#change({ model });
  }

  setSystemPrompt(prompt: string | null): Promise<Outcome> {
    return this.#change({ system_prompt: prompt });
  }

  async exportAs(format: "markdown" | "json"): Promise<{ readonly name: string; readonly text: string }> {
    await this.history.loadAll();
    const conversation = this.#conversation();
    if (conversation === undefined) return { name: `conversation.${format}`, text: "" };
    const shown = this.path().messages;
    return exportConversation(
      conversation,
      shown,
      [...this.#parts.replica.messagesOf(this.id).values()],
      format,
    );
  }

  // --- For the other parts of the store ---------------------------------------------------------------------------------------

  /** Messages, rows of the outbox or the branch changed. */
  invalidate(): void {
    this.#tree = null;
    this.#view.invalidate();
    for (const message of this.#messages.values()) message.invalidate();
  }

  /** The text of one message changed. */
  invalidateMessage(messageId: string, mayEnd: boolean): void {
    this.#messages.get(this.#parts.keys.keyOf(messageId))?.invalidate();
    if (mayEnd) this.#view.invalidate();
  }

  /** The text of a task whose message is not here yet. */
  invalidateTask(taskId: string): void {
    for (const { row, submission } of this.#parts.outbox.entriesOf(this.id)) {
      if (submission?.task_id !== taskId) continue;
      this.#messages.get(answerKey(row.key))?.invalidate();
      this.#view.invalidate();
    }
  }

  tree(): Tree {
    this.#tree ??= new Tree(this.#parts.replica.messagesOf(this.id));
    return this.#tree;
  }

  path(): Path {
    return this.tree().path(this.#branch);
  }

  // ----------------------------------------------------------------------------------------------------------------------------

  #isLocal(): boolean {
    return this.id.startsWith(local_prefix);
  }

  #conversation(): Conversation | undefined {
    return this.#parts.replica.conversations.get(this.id);
  }

  #compute(previous: ConversationView | undefined): ConversationView {
    const conversation = this.#conversation();
    const entries = this.#parts.outbox.entriesOf(this.id);
    const path = this.path();
    const thread = this.#thread(path, entries);
    const same = previous !== undefined && sameKeys(previous.thread, thread);
    const begins = this.#beginning ?? entries[0]?.row;
    const state =
      this.#beginning !== null ? "ready" : this.history.state(conversation !== undefined, thread.length > 0);
    return {
      id: this.id,
      isLocal: this.#isLocal(),
      title: conversation?.title ?? titleOf(entries[0]?.row.content ?? ""),
      model: conversation?.model ?? begins?.model ?? null,
      systemPrompt: conversation === undefined ? promptOf(begins?.what) : conversation.system_prompt,
      state,
      thread: same ? previous.thread : thread,
      olderAvailable: path.continues,
      runningKey: this.#runningKey(thread),
    };
  }

  /** The shown path, and what was written here after it. An edit replaces the path from the message it is a version of. */
  #thread(path: Path, entries: readonly Entry[]): readonly string[] {
    const { keys, replica } = this.#parts;
    let ids = path.messages.map((message) => message.id);
    let rows = entries;
    const lastEdit = entries.findLastIndex((entry) => entry.row.what.kind === "edit");
    const edit = entries[lastEdit]?.row.what;
    if (edit?.kind === "edit") {
      const parent = replica.messages.get(edit.messageId)?.parent_id ?? null;
      ids =
        parent === null
          ? []
          : this.tree()
              .path(parent)
              .messages.map((message) => message.id);
      if (parent !== null) ids = ids.slice(0, ids.indexOf(parent) + 1);
      rows = entries.slice(lastEdit);
    } else {
      const isNewest = path.messages.at(-1) === this.tree().newest || path.messages.length === 0;
      rows = entries.filter(({ row }) => {
        if (row.what.kind !== "post" || row.what.parentId === null) return isNewest;
        return ids.includes(row.what.parentId);
      });
    }
    const thread = ids.map((id) => keys.keyOf(id));
    for (const entry of rows) {
      thread.push(entry.row.key);
      if (entry.phase === "accepted") thread.push(answerKey(entry.row.key));
    }
    return thread;
  }

  #computeMessage(key: string): MessageView | undefined {
    const { keys, replica, streams, outbox } = this.#parts;
    const message = replica.messages.get(keys.idOf(key));
    if (message !== undefined) {
      return messageView({
        key,
        message,
        task: message.task_id === null ? undefined : replica.tasks.get(message.task_id),
        text: streams.text(message.task_id),
        branch: this.tree().branch(message),
        retryAt: this.#hooks.retries.at(message.id),
      });
    }
    const entry = outbox.entry(key);
    if (entry !== undefined) return entryView(entry, this.#branchOf(entry));
    const question = outbox.entry(key.replace(/:answer$/, ""));
    if (question === undefined || question.phase !== "accepted") return undefined;
    return promisedView(key, question, streams.text(question.submission?.task_id ?? null));
  }

  #branchOf(entry: Entry): Branch {
    const { what } = entry.row;
    const original = what.kind === "edit" ? this.#parts.replica.messages.get(what.messageId) : undefined;
    if (original === undefined) return no_branch;
    const count = this.tree().versions(original).length;
    return { index: count, count: count + 1 };
  }

  #runningKey(thread: readonly string[]): string | null {
    return thread.findLast((key) => this.#isLive(key)) ?? null;
  }

  #isLive(key: string): boolean {
    const { keys, replica, streams } = this.#parts;
    const message: Message | undefined = replica.messages.get(keys.idOf(key));
    if (message === undefined) return this.#computeMessage(key)?.live ?? false;
    if (isTerminal(message.status)) return false;
    const task = message.task_id === null ? undefined : replica.tasks.get(message.task_id);
    return (
      message.role === "assistant" && !isTerminal(currentStatus(message, task, streams.text(message.task_id)))
    );
  }

  #taskOf(key: string): string | null {
    const message = this.#parts.replica.messages.get(this.#parts.keys.idOf(key));
    if (message !== undefined) return message.task_id;
    return this.#parts.outbox.entry(key.replace(/:answer$/, ""))?.submission?.task_id ?? null;
  }

  /** A message of the branch that was chosen; null: the newest. */
  get #branch(): string | null {
    return this.#parts.sessions.get(this.id).branch;
  }

  #showNewest(): void {
    if (this.#branch !== null) this.#choose(null);
  }

  #choose(messageId: string | null): void {
    this.#parts.sessions.set(this.id, { branch: messageId });
    this.invalidate();
  }

  async #change(members: { model?: string | null; system_prompt?: string | null }): Promise<Outcome> {
    const reply = await this.#parts.engine.change(this.id, members);
    if (reply.ok) this.#parts.replica.merge({ conversations: [reply.value] }, "read");
    return outcomeOf(reply);
  }
}

export const local_prefix = "new-";

/** A title for what the engine has not named yet: as the engine does it, the beginning of the first line. */
export function titleOf(content: string): string {
  const line = content.trim().split("\n", 1)[0] ?? "";
  return [...line].slice(0, 60).join("");
}

function promptOf(what: OutboxRow["what"] | undefined): string | null {
  return what?.kind === "begin" ? (what.systemPrompt ?? null) : null;
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((key, index) => key === right[index]);
}
