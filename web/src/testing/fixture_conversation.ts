import type {
  ConversationStore,
  ConversationView,
  MessageView,
  Model,
  Outcome,
  Readable,
} from "@throughline/client";
import { message, proseAnswer, unfinished } from "./messages.ts";
import { type Settable, settable } from "./settable.ts";

const fine: Outcome = { ok: true };

/** One conversation in memory. What is asked of it is noted in `calls`; views and messages are set by hand. */
export interface FixtureConversation extends ConversationStore {
  readonly calls: string[];
  setView(patch: Partial<ConversationView>): void;
  /** Adds a message at the end of the shown branch. */
  add(message: MessageView): void;
  update(key: string, patch: Partial<MessageView>): void;
  /** Adds messages above. */
  prepend(messages: readonly MessageView[]): void;
}

export interface FixtureConversationOptions {
  readonly id: string;
  readonly messages?: readonly MessageView[] | undefined;
  readonly view?: Partial<ConversationView> | undefined;
  /** Earlier messages, given out by `loadOlder` that many at a time. */
  readonly older?: { readonly messages: readonly MessageView[]; readonly page: number } | undefined;
  /** Whether `send` is followed by an answer that is written piece by piece, with that many milliseconds between two. */
  readonly pace?: number | undefined;
  readonly onDraft?: ((text: string) => void) | undefined;
}

export function fixtureConversation(options: FixtureConversationOptions): FixtureConversation {
  const calls: string[] = [];
  const messages = new Map<string, Settable<MessageView | undefined>>();
  const nothing: Readable<undefined> = { get: () => undefined, subscribe: () => () => {} };
  const older = [...(options.older?.messages ?? [])];
  for (const one of options.messages ?? []) messages.set(one.key, settable<MessageView | undefined>(one));
  const view = settable<ConversationView>({
    id: options.id,
    isLocal: false,
    title: "What makes a stream resumable?",
    model: null,
    systemPrompt: null,
    state: "ready",
    thread: [...messages.keys()],
    olderAvailable: older.length > 0,
    runningKey: null,
    ...options.view,
  });
  const timers = new Map<string, ReturnType<typeof setInterval>>();

  function setView(patch: Partial<ConversationView>) {
    view.set({ ...view.get(), ...patch });
  }
  function update(key: string, patch: Partial<MessageView>) {
    const cell = messages.get(key);
    const before = cell?.get();
    if (cell === undefined || before === undefined) return;
    cell.set({ ...before, ...patch });
    const running = view.get().thread.findLast((other) => messages.get(other)?.get()?.live === true) ?? null;
    if (running !== view.get().runningKey) setView({ runningKey: running });
  }
  function add(one: MessageView) {
    messages.set(one.key, settable<MessageView | undefined>(one));
    setView({
      thread: [...view.get().thread, one.key],
      runningKey: one.live ? one.key : view.get().runningKey,
    });
  }
  function drop(key: string) {
    setView({ thread: view.get().thread.filter((other) => other !== key) });
    messages.delete(key);
  }
  function write(key: string) {
    if (options.pace === undefined) return;
    const text = `${proseAnswer}\n\n${proseAnswer}`;
    const thought = "The question is short. What matters is the position, so the answer begins with that. ";
    let at = -thought.length;
    const timer = setInterval(() => {
      const now = messages.get(key)?.get();
      if (now === undefined || !now.live) return end(key);
      if (at < 0) {
        update(key, {
          status: "generating",
          reasoning: now.reasoning + thought.slice(thought.length + at).slice(0, 7),
        });
        at = Math.min(0, at + 7);
        return;
      }
      const piece = text.slice(at, at + 9);
      at += 9;
      update(key, { content: now.content + piece, ttftMs: 380, position: `1-${Math.floor(at / 9)}` });
      if (at < text.length) return;
      end(key);
      update(key, {
        status: "completed",
        live: false,
        finishReason: "stop",
        latencyMs: 5_200,
        usage: { input_tokens: 12, output_tokens: 240, total_tokens: 252, estimated: true },
      });
    }, options.pace);
    timers.set(key, timer);
  }
  function end(key: string) {
    clearInterval(timers.get(key));
    timers.delete(key);
  }
  function answer(branch: MessageView["branch"] = { index: 0, count: 1 }) {
    const one = message("assistant", "", {
      ...unfinished,
      status: "queued",
      live: true,
      ttftMs: null,
      position: "",
      branch,
    });
    add(one);
    write(one.key);
  }
  async function noted(call: string): Promise<Outcome> {
    calls.push(call);
    return fine;
  }

  return {
    calls,
    get: view.get,
    subscribe: view.subscribe,
    setView,
    add,
    update,
    prepend(more) {
      for (const one of more) messages.set(one.key, settable<MessageView | undefined>(one));
      setView({ thread: [...more.map((one) => one.key), ...view.get().thread] });
    },
    message: (key) => messages.get(key) ?? nothing,
    open() {
      calls.push("open");
      return () => calls.push("leave");
    },
    async loadOlder() {
      calls.push("loadOlder");
      const page = older.splice(-(options.older?.page ?? 50));
      this.prepend(page);
      setView({ olderAvailable: older.length > 0 });
    },
    send(content) {
      calls.push(`send ${content}`);
      const one = message("user", content, { status: "sending", id: null, createdAt: Date.now() });
      add(one);
      if (options.pace !== undefined)
        setTimeout(() => update(one.key, { status: "completed", id: one.key }), 150);
      answer();
    },
    async stop(key) {
      const running = key ?? view.get().runningKey;
      calls.push(`stop ${running}`);
      if (running !== null) update(running, { status: "cancelled", live: false, finishReason: "cancelled" });
      return fine;
    },
    async regenerate(key, model) {
      calls.push(`regenerate ${key}${model === undefined ? "" : ` ${model}`}`);
      const before = messages.get(key)?.get();
      const thread = view.get().thread;
      setView({ thread: thread.slice(0, thread.indexOf(key)) });
      const count = (before?.branch.count ?? 1) + 1;
      answer({ index: count - 1, count });
      return fine;
    },
    async edit(key, content) {
      calls.push(`edit ${key} ${content}`);
      const before = messages.get(key)?.get();
      const thread = view.get().thread;
      setView({ thread: thread.slice(0, thread.indexOf(key)) });
      const count = (before?.branch.count ?? 1) + 1;
      add(message("user", content, { branch: { index: count - 1, count } }));
      answer();
      return fine;
    },
    switchBranch(key, step) {
      calls.push(`switchBranch ${key} ${step}`);
      const before = messages.get(key)?.get();
      if (before !== undefined) {
        update(key, { branch: { ...before.branch, index: before.branch.index + step } });
      }
    },
    callOffRetry(key) {
      calls.push(`callOffRetry ${key}`);
      update(key, { retry: null });
    },
    resend(key) {
      calls.push(`resend ${key}`);
      update(key, { status: "sending", problem: null });
    },
    discard(key) {
      calls.push(`discard ${key}`);
      options.onDraft?.(messages.get(key)?.get()?.content ?? "");
      drop(key);
    },
    setModel(model: Model["id"] | null) {
      setView({ model });
      return noted(`setModel ${model}`);
    },
    setSystemPrompt(systemPrompt) {
      setView({ systemPrompt });
      return noted(`setSystemPrompt ${systemPrompt}`);
    },
    async exportAs(format) {
      calls.push(`exportAs ${format}`);
      return { name: `conversation.${format === "json" ? "json" : "md"}`, text: "exported" };
    },
  };
}
