/** An engine in the process, with the rules of docs/protocol.md that the store depends on. */
import type {
  Changes,
  Chunk,
  ChunkEvent,
  Conversation,
  Me,
  Message,
  Model,
  Position,
  Problem,
  Reply,
  Submission,
  Task,
} from "../../protocol/types.ts";
import type { Feed, FeedOptions, FeedStart } from "../../sync/feed.ts";
import type { Engine } from "../engine.ts";

interface Answer {
  readonly messageId: string;
  attempt: number;
  readonly log: { readonly attempt: number; readonly chunk: Chunk }[];
}

const snapshot_conversations_max = 50;

export class FakeEngine {
  me: Me = { principal: "local", installation: "one", version: "0", signed_in: "open" };
  signedOut = false;
  rev = 0;
  readonly conversations = new Map<string, Conversation>();
  readonly messages = new Map<string, Message>();
  readonly tasks = new Map<string, Task>();
  readonly answers = new Map<string, Answer>();
  readonly deleted = new Map<string, { readonly rev: number; readonly conversation: Conversation }>();
  readonly replies = new Map<string, Submission>();
  readonly modelList: Model[] = [{ id: "mock", provider: "mock", default: true }];
  readonly devices = new Set<FakeDevice>();
  /** While true, changes are kept back and go out together later. */
  holdsChanges = false;
  #unsent: number | null = null;
  #counter = 0;

  /** A browser's tab, with a network of its own. */
  device(): FakeDevice {
    const device = new FakeDevice(this);
    this.devices.add(device);
    return device;
  }

  id(kind: string): string {
    this.#counter += 1;
    return `${kind}-${String(this.#counter).padStart(5, "0")}`;
  }

  time(): string {
    return new Date(1_700_000_000_000 + this.#counter * 1_000).toISOString();
  }

  commit(change: (rev: number) => void): void {
    const from = this.rev;
    this.rev += 1;
    change(this.rev);
    this.#unsent ??= from;
    if (!this.holdsChanges) this.releaseChanges();
  }

  releaseChanges(): void {
    this.holdsChanges = false;
    if (this.#unsent === null) return;
    const from = this.#unsent;
    this.#unsent = null;
    const changes = this.since(from);
    for (const device of this.devices) device.tellChanges(changes, this.rev, from);
  }

  since(rev: number): Changes {
    return {
      conversations: [
        ...[...this.conversations.values()].filter((each) => each.rev > rev),
        ...[...this.deleted]
          .filter(([, each]) => each.rev > rev)
          .map(([id]) => ({ id, deleted: true as const })),
      ],
      messages: [...this.messages.values()].filter((each) => each.rev > rev),
      tasks: [...this.tasks.values()].filter((each) => (this.messages.get(each.message_id)?.rev ?? 0) > rev),
    };
  }

  snapshot(): Changes {
    const conversations = this.list().slice(0, snapshot_conversations_max);
    const tasks = [...this.tasks.values()].filter((each) => each.finished_at === null);
    return {
      conversations,
      tasks,
      messages: tasks.flatMap((task) => this.messages.get(task.message_id) ?? []),
    };
  }

  list(): Conversation[] {
    const key = (each: Conversation) => `${each.pinned ? 1 : 0}${each.updated_at}${each.id}`;
    return [...this.conversations.values()].sort((left, right) => (key(left) < key(right) ? 1 : -1));
  }

  addConversation(title: string, systemPrompt: string | null = null): string {
    const id = this.id("c");
    const now = this.time();
    this.commit((rev) => {
      this.conversations.set(id, {
        id,
        title,
        model: null,
        system_prompt: systemPrompt,
        pinned: false,
        created_at: now,
        updated_at: now,
        message_count: 0,
        active_task_ids: [],
        rev,
      });
    });
    return id;
  }

  /** A question and the answer to it that is waited for. */
  ask(conversationId: string, content: string, parentId?: string | null): Required<Submission> {
    const all = [...this.messages.values()].filter((each) => each.conversation_id === conversationId);
    const newest = all.toSorted((left, right) => left.seq - right.seq).at(-1);
    const parent = parentId === undefined ? (newest?.id ?? null) : parentId;
    const questionId = this.id("m");
    let taskId = "";
    let answerId = "";
    this.commit((rev) => {
      const question = this.#message(
        questionId,
        conversationId,
        parent,
        all.length + 1,
        rev,
        "user",
        content,
      );
      this.messages.set(questionId, question);
      ({ taskId, answerId } = this.#answer(conversationId, questionId, all.length + 2, rev));
    });
    return { task_id: taskId, message_id: answerId, user_message_id: questionId, session_id: conversationId };
  }

  /** Another answer to a question. */
  answerAgain(questionId: string): Submission {
    const question = this.messages.get(questionId);
    if (question === undefined) throw new Error(`no question ${questionId}`);
    const all = [...this.messages.values()].filter(
      (each) => each.conversation_id === question.conversation_id,
    );
    let made = { taskId: "", answerId: "" };
    this.commit((rev) => {
      made = this.#answer(question.conversation_id, questionId, all.length + 1, rev);
    });
    return { task_id: made.taskId, message_id: made.answerId, user_message_id: questionId };
  }

  type(taskId: string, ...pieces: readonly string[]): void {
    for (const content of pieces)
      this.#append(taskId, (index) => ({ chunk_index: index, chunk_type: "content", content }));
  }

  restart(taskId: string, reason: string): void {
    this.answer(taskId).attempt += 1;
    const { attempt } = this.answer(taskId);
    this.#append(taskId, () => ({ chunk_index: 0, chunk_type: "reset", attempt, reason }));
  }

  finish(taskId: string, status: "completed" | "cancelled" = "completed"): void {
    this.sayDone(taskId, status);
    this.storeEnd(taskId, status);
  }

  sayDone(taskId: string, status: "completed" | "cancelled" = "completed"): void {
    this.#append(taskId, (index) => ({
      chunk_index: index,
      chunk_type: "done",
      status,
      finish_reason: "stop",
      message_id: this.answer(taskId).messageId,
      usage: null,
      ttft_ms: 1,
      latency_ms: 2,
    }));
  }

  fail(taskId: string, retryable = true): void {
    const error = { code: "provider_unavailable", message: "The model's server is overloaded.", retryable };
    this.#append(taskId, (index) => ({
      chunk_index: index,
      chunk_type: "error",
      content: error.message,
      ...error,
    }));
    this.storeEnd(taskId, "error", { error });
  }

  storeEnd(
    taskId: string,
    status: "completed" | "cancelled" | "error",
    members: Partial<Message> = {},
  ): void {
    const { messageId } = this.answer(taskId);
    const content = this.text(taskId);
    this.commit((rev) => {
      const message = this.messages.get(messageId);
      const task = this.tasks.get(taskId);
      if (message === undefined || task === undefined) throw new Error("no such answer");
      const now = this.time();
      this.messages.set(messageId, { ...message, rev, content, status, completed_at: now, ...members });
      const state = status === "completed" ? "succeeded" : status === "error" ? "failed" : "cancelled";
      this.tasks.set(taskId, { ...task, state, status, finished_at: now });
      this.#touch(message.conversation_id, rev);
    });
  }

  text(taskId: string): string {
    const { log } = this.answer(taskId);
    const begin = log.findLastIndex(({ chunk }) => chunk.chunk_type === "reset");
    return log
      .slice(begin + 1)
      .map(({ chunk }) => (chunk.chunk_type === "content" ? chunk.content : ""))
      .join("");
  }

  answer(taskId: string): Answer {
    const answer = this.answers.get(taskId);
    if (answer === undefined) throw new Error(`no task ${taskId}`);
    return answer;
  }

  after(taskId: string, position: Position | null): ChunkEvent[] {
    const { log } = this.answer(taskId);
    return log
      .filter(({ attempt, chunk }) => {
        if (position === null) return true;
        return (
          attempt > position.attempt || (attempt === position.attempt && chunk.chunk_index > position.index)
        );
      })
      .map(({ attempt, chunk }) => ({ task_id: taskId, attempt, chunk }));
  }

  change(id: string, members: Partial<Conversation>): Conversation | undefined {
    const conversation = this.conversations.get(id);
    if (conversation === undefined) return undefined;
    this.commit((rev) => this.conversations.set(id, { ...conversation, ...members, rev }));
    return this.conversations.get(id);
  }

  remove(id: string): boolean {
    const conversation = this.conversations.get(id);
    if (conversation === undefined) return false;
    this.commit((rev) => {
      this.conversations.delete(id);
      this.deleted.set(id, { rev, conversation });
    });
    return true;
  }

  restore(id: string): Conversation | undefined {
    const removed = this.deleted.get(id);
    if (removed === undefined) return undefined;
    this.commit((rev) => {
      this.deleted.delete(id);
      this.conversations.set(id, { ...removed.conversation, rev });
      for (const each of this.messages.values()) {
        if (each.conversation_id === id) this.messages.set(each.id, { ...each, rev });
      }
    });
    return this.conversations.get(id);
  }

  #append(taskId: string, make: (index: number) => Chunk): void {
    const answer = this.answer(taskId);
    const last = answer.log.at(-1);
    const chunk = make(
      last === undefined || last.attempt !== answer.attempt ? 0 : last.chunk.chunk_index + 1,
    );
    answer.log.push({ attempt: answer.attempt, chunk });
    for (const device of this.devices) device.tellChunk({ task_id: taskId, attempt: answer.attempt, chunk });
  }

  #answer(
    conversationId: string,
    questionId: string,
    seq: number,
    rev: number,
  ): { taskId: string; answerId: string } {
    const answerId = this.id("m");
    const taskId = this.id("t");
    this.messages.set(answerId, {
      ...this.#message(answerId, conversationId, questionId, seq, rev, "assistant", ""),
      status: "queued",
      task_id: taskId,
      completed_at: null,
    });
    this.answers.set(taskId, { messageId: answerId, attempt: 1, log: [] });
    this.tasks.set(taskId, {
      task_id: taskId,
      message_id: answerId,
      conversation_id: conversationId,
      state: "queued",
      status: "queued",
      attempt: 1,
      failures: 0,
      queue: "default",
      priority: 0,
      queue_place: 0,
      position: "",
      chunk_count: 0,
      created_at: this.time(),
      started_at: null,
      finished_at: null,
      last_error: null,
    });
    this.#touch(conversationId, rev);
    return { taskId, answerId };
  }

  #touch(conversationId: string, rev: number): void {
    const conversation = this.conversations.get(conversationId);
    if (conversation === undefined) return;
    const active = [...this.tasks.values()].filter(
      (each) => each.conversation_id === conversationId && each.finished_at === null,
    );
    const count = [...this.messages.values()].filter(
      (each) => each.conversation_id === conversationId,
    ).length;
    this.conversations.set(conversationId, {
      ...conversation,
      rev,
      message_count: count,
      active_task_ids: active.map((each) => each.task_id),
      updated_at: this.time(),
    });
  }

  #message(
    id: string,
    conversationId: string,
    parentId: string | null,
    seq: number,
    rev: number,
    role: Message["role"],
    content: string,
  ): Message {
    return {
      id,
      conversation_id: conversationId,
      parent_id: parentId,
      seq,
      rev,
      role,
      content,
      reasoning: null,
      status: "completed",
      task_id: null,
      model: null,
      provider: null,
      attempt: null,
      finish_reason: null,
      usage: null,
      ttft_ms: null,
      latency_ms: null,
      error: null,
      created_at: this.time(),
      completed_at: this.time(),
    };
  }
}

export class FakeDevice {
  readonly fake: FakeEngine;
  /** Requests reach the engine, and its replies come back. */
  online = true;
  /** So many requests are done, but their replies are lost. */
  repliesToLose = 0;
  /** So many requests are answered with this instead. */
  problems: Problem[] = [];
  readonly calls: string[] = [];
  readonly options = new Set<FeedOptions>();
  role: "leader" | "follower" = "leader";
  /** Chunks are dropped on their way, as a follower misses those of before. */
  dropsChunks = false;

  /** What the newest connection began from. */
  begun: FeedStart | null = null;
  #connections = 0;

  constructor(fake: FakeEngine) {
    this.fake = fake;
  }

  get #connection(): string {
    return `connection ${this.#connections}`;
  }

  readonly makeFeed = (options: FeedOptions): Feed => ({
    start: () => {
      this.options.add(options);
      if (this.online) this.#connect(options);
    },
    resume: () => {
      if (this.online) this.#connect(options);
    },
    stop: () => void this.options.delete(options),
  });

  disconnect(): void {
    this.online = false;
    for (const options of this.options) this.#status(options, { kind: "offline" });
  }

  reconnect(): void {
    this.online = true;
    for (const options of this.options) void this.#askAndConnect(options);
  }

  async #askAndConnect(options: FeedOptions): Promise<void> {
    this.#status(options, { kind: "connecting" });
    const problem = await options.admit?.(new AbortController().signal);
    if (problem == null && this.online && this.options.has(options)) this.#connect(options);
  }

  tellChanges(changes: Changes, rev: number, from: number | null): void {
    if (!this.online) return;
    for (const options of this.options) options.onEvent({ kind: "changes", changes, rev, from });
  }

  tellChunk(event: ChunkEvent): void {
    if (!this.online || this.dropsChunks) return;
    for (const options of this.options)
      options.onEvent({ kind: "chunk", event, connection: this.#connection });
  }

  #connect(options: FeedOptions): void {
    this.#connections += 1;
    this.begun = options.start();
    const { since, cursors } = this.begun;
    this.#status(options, { kind: "connected", since: 0 });
    // The tab that leads tells only what comes from now on.
    if (this.role === "follower") return;
    const isKnown = since !== null && since <= this.fake.rev;
    options.onEvent({
      kind: "changes",
      changes: isKnown ? this.fake.since(since) : this.fake.snapshot(),
      rev: this.fake.rev,
      from: isKnown ? since : null,
    });
    for (const task of this.fake.tasks.values()) {
      const position = cursors.get(task.task_id) ?? null;
      if (this.dropsChunks || (position === null && task.finished_at !== null)) continue;
      for (const event of this.fake.after(task.task_id, position))
        options.onEvent({ kind: "chunk", event, connection: this.#connection });
    }
  }

  #status(options: FeedOptions, state: Parameters<FeedOptions["onStatus"]>[0]["state"]): void {
    options.onStatus({ state, transport: "events", role: this.role });
  }

  readonly engine: Engine = {
    me: () => this.#call("me", () => ok(this.fake.me)),
    models: () => this.#call("models", () => ok(this.fake.modelList)),
    conversations: ({ limit = 50, cursor, q } = {}) =>
      this.#call("conversations", () => {
        const all = this.fake.list().filter((each) => q === undefined || each.title.includes(q));
        return ok(page(all, limit, cursor));
      }),
    conversation: (id) => this.#call(`conversation ${id}`, () => found(this.fake.conversations.get(id))),
    messages: (id, { limit = 50, cursor, order = "asc" } = {}) =>
      this.#call(`messages ${id}`, () => {
        if (!this.fake.conversations.has(id)) return notFound;
        const all = [...this.fake.messages.values()].filter((each) => each.conversation_id === id);
        all.sort((left, right) => (order === "asc" ? left.seq - right.seq : right.seq - left.seq));
        return ok(page(all, limit, cursor));
      }),
    change: (id, members) => this.#call(`change ${id}`, () => found(this.fake.change(id, members))),
    remove: (id) => this.#call(`remove ${id}`, () => (this.fake.remove(id) ? ok(null) : notFound)),
    restore: (id) => this.#call(`restore ${id}`, () => found(this.fake.restore(id))),
    begin: (post, key) =>
      this.#call("begin", () =>
        this.#once(key, () => {
          const id = this.fake.addConversation(post.content, post.system_prompt);
          const { user_message_id: _, ...submission } = this.fake.ask(id, post.content);
          return submission;
        }),
      ),
    post: (id, post, key) =>
      this.#call(`post ${id}`, () => {
        if (!this.fake.conversations.has(id)) return notFound;
        return this.#once(key, () => this.fake.ask(id, post.content, post.parent_id));
      }),
    edit: (id, content, key) =>
      this.#call(`edit ${id}`, () => {
        const message = this.fake.messages.get(id);
        if (message === undefined) return notFound;
        return this.#once(key, () => this.fake.ask(message.conversation_id, content, message.parent_id));
      }),
    regenerate: (id, _model, key) =>
      this.#call(`regenerate ${id}`, () => {
        const parent = this.fake.messages.get(id)?.parent_id ?? null;
        return parent === null ? notFound : this.#once(key, () => this.fake.answerAgain(parent));
      }),
    retry: (taskId, key) =>
      this.#call(`retry ${taskId}`, () => {
        const parent = this.fake.messages.get(this.fake.answer(taskId).messageId)?.parent_id ?? null;
        return parent === null ? notFound : this.#once(key, () => this.fake.answerAgain(parent));
      }),
    cancel: (taskId) =>
      this.#call(`cancel ${taskId}`, () => {
        if (this.fake.tasks.get(taskId)?.finished_at === null) this.fake.finish(taskId, "cancelled");
        return found(this.fake.tasks.get(taskId));
      }),
    readStream: (taskId, after) =>
      this.#call(`stream ${taskId}`, () => {
        const chunks = this.fake.after(taskId, after);
        const last = chunks.at(-1);
        const position =
          last === undefined || last.attempt === null
            ? after
            : { attempt: last.attempt, index: last.chunk.chunk_index };
        return ok({ chunks, position, ended: last !== undefined && "message_id" in last.chunk });
      }),
    activeStreams: () =>
      this.#call("active streams", () =>
        ok(
          [...this.fake.tasks.values()]
            .filter((each) => each.finished_at === null)
            .map(({ task_id, message_id, conversation_id, status, position, started_at }) => {
              return { task_id, message_id, conversation_id, status, position, started_at };
            }),
        ),
      ),
    changes: (since) =>
      this.#call("changes", () => ok({ ...this.fake.since(since), rev: this.fake.rev, more: false })),
  };

  async #call<T>(name: string, run: () => Reply<T>): Promise<Reply<T>> {
    this.calls.push(name);
    await Promise.resolve();
    if (!this.online) return { ok: false, problem: network };
    if (this.fake.signedOut) return { ok: false, problem: { ...network, code: "unauthorized", status: 401 } };
    const problem = name === "me" ? undefined : this.problems.shift();
    if (problem !== undefined) return { ok: false, problem };
    const reply = run();
    await Promise.resolve();
    if (this.repliesToLose > 0 && name !== "me") {
      this.repliesToLose -= 1;
      return { ok: false, problem: network };
    }
    return reply;
  }

  #once(key: string, submit: () => Submission): Reply<Submission> {
    const known = this.fake.replies.get(key);
    const submission = known ?? submit();
    this.fake.replies.set(key, submission);
    return ok(submission);
  }
}

export const network: Problem = {
  code: "network",
  status: 0,
  title: "No reply",
  detail: "The engine cannot be reached.",
  request_id: null,
  retry_after_ms: null,
};

const notFound: Reply<never> = { ok: false, problem: { ...network, code: "not_found", status: 404 } };

function ok<T>(value: T): Reply<T> {
  return { ok: true, value };
}

function found<T>(value: T | undefined): Reply<T> {
  return value === undefined ? notFound : ok(value);
}

function page<T>(
  all: readonly T[],
  limit: number,
  cursor: string | undefined,
): { data: T[]; next_cursor: string | null } {
  const start = cursor === undefined ? 0 : Number(cursor);
  const end = start + limit;
  return { data: all.slice(start, end), next_cursor: end < all.length ? String(end) : null };
}
