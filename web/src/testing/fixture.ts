/**
 * A client in memory, for tests of the application and for looking at it without an engine: every view can be set, every call
 * is noted. `scenes()` fills it with conversations that show each state of the page; their ids are their names.
 */
import type {
  ActivityView,
  AnswerEnded,
  ConnectionView,
  ConversationListView,
  ConversationSummary,
  Identity,
  Model,
  Outcome,
  SearchResult,
  Throughline,
} from "@throughline/client";
import {
  type FixtureConversation,
  type FixtureConversationOptions,
  fixtureConversation,
} from "./fixture_conversation.ts";
import { everyState, longThread, message, problem, proseAnswer } from "./messages.ts";
import { type Settable, settable } from "./settable.ts";

export interface Fixture extends Throughline {
  readonly calls: string[];
  readonly identity: Settable<Identity>;
  readonly connection: Settable<ConnectionView>;
  readonly list: Settable<ConversationListView>;
  readonly models: Settable<readonly Model[]>;
  readonly activity: Settable<ActivityView>;
  found: SearchResult;
  conversation(id: string): FixtureConversation;
  /** Makes the conversation of that id, and lists it. */
  addConversation(options: FixtureConversationOptions): FixtureConversation;
  endAnswer(ended: AnswerEnded): void;
}

const fine: Outcome = { ok: true };

export function createFixture(): Fixture {
  const calls: string[] = [];
  const noted = async (call: string): Promise<Outcome> => {
    calls.push(call);
    return fine;
  };
  const stores = new Map<string, FixtureConversation>();
  const drafts = new Map<string | null, string>();
  const listeners = new Set<(ended: AnswerEnded) => void>();
  const list = settable<ConversationListView>({ loading: "ready", items: [], hasMore: false });
  const patchItem = (id: string, patch: Partial<ConversationSummary>) => {
    const items = list.get().items.map((item) => (item.id === id ? { ...item, ...patch } : item));
    list.set({ ...list.get(), items });
  };
  let begun = 0;

  return {
    calls,
    list,
    identity: settable<Identity>({
      kind: "known",
      me: { principal: "local", installation: "0199a1c0", version: "0.5.0", signed_in: "open" },
      confirmed: true,
    }),
    connection: settable<ConnectionView>({
      state: { kind: "connected", since: Date.now() },
      transport: "events",
      role: "leader",
      rev: 1,
      history: [],
    }),
    models: settable<readonly Model[]>([
      { id: "demo", provider: "demo", default: true },
      { id: "claude-sonnet-4-5", provider: "anthropic", default: false },
      { id: "gpt-5-mini", provider: "openai", default: false },
    ]),
    activity: settable<ActivityView>({ running: [], unreadTotal: 0, waitingToSend: 0 }),
    found: { from: "engine", hits: [] },
    conversations: {
      get: list.get,
      subscribe: list.subscribe,
      rename(id, title) {
        patchItem(id, { title });
        stores.get(id)?.setView({ title });
        return noted(`rename ${id} ${title}`);
      },
      setPinned(id, pinned) {
        patchItem(id, { pinned });
        return noted(`pin ${id} ${pinned}`);
      },
      remove(id) {
        const before = list.get();
        list.set({ ...before, items: before.items.filter((item) => item.id !== id) });
        return {
          undo() {
            list.set(before);
            return noted(`undo ${id}`);
          },
          done: noted(`remove ${id}`),
        };
      },
      async loadMore() {
        calls.push("loadMore");
      },
    },
    conversation(id) {
      const known = stores.get(id);
      if (known !== undefined) return known;
      const missing = fixtureConversation({ id, view: { title: "", state: "missing" } });
      stores.set(id, missing);
      return missing;
    },
    addConversation(options) {
      const store = fixtureConversation({
        onDraft: (text) => drafts.set(options.id, text),
        ...options,
      });
      stores.set(options.id, store);
      const item: ConversationSummary = {
        id: options.id,
        title: store.get().title,
        pinned: false,
        updatedAt: Date.now(),
        messageCount: store.get().thread.length,
        running: store.get().runningKey !== null,
        unread: 0,
        cached: true,
      };
      list.set({ ...list.get(), items: [...list.get().items, item] });
      return store;
    },
    endAnswer(ended) {
      for (const listener of listeners) listener(ended);
    },
    onAnswerEnded(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    async search(query, signal) {
      calls.push(`search ${query}`);
      signal?.throwIfAborted();
      return this.found;
    },
    begin({ content, model, systemPrompt }) {
      begun += 1;
      const id = `new-${begun}`;
      calls.push(["begin", content, model, systemPrompt].filter(Boolean).join(" "));
      const view = {
        title: content.slice(0, 60),
        model: model ?? null,
        systemPrompt: systemPrompt ?? null,
      };
      this.addConversation({ id, view, pace: 40 }).send(content);
      return { conversationId: id };
    },
    drafts: {
      get: (id) => drafts.get(id) ?? "",
      set: (id, text) => {
        drafts.set(id, text);
      },
    },
    data: {
      usage: async () => ({ conversations: 212, inFull: 50, bytes: 3_412_000 }),
      async clearCache() {
        calls.push("clearCache");
      },
      async exportAll(progress) {
        progress(1, 1);
        return new Blob(["{}"]);
      },
    },
    start() {
      calls.push("start");
    },
    async stop() {},
    prefetch(id) {
      calls.push(`prefetch ${id}`);
    },
    follow: () => () => {},
    reconnect() {
      calls.push("reconnect");
    },
  };
}

/** A fixture with one conversation for each thing there is to look at. */
export function scenes(): Fixture {
  const fixture = createFixture();
  const states = everyState();
  fixture.addConversation({
    id: "states",
    messages: states,
    view: { runningKey: states.at(-7)?.key ?? null },
  });
  fixture.addConversation({
    id: "short",
    messages: [message("user", "What makes a stream resumable?"), message("assistant", proseAnswer)],
    pace: 40,
  });
  fixture.addConversation({
    id: "long",
    messages: longThread(10_000),
    view: { title: "Ten thousand" },
    pace: 40,
  });
  fixture.addConversation({
    id: "older",
    messages: longThread(40),
    older: { messages: longThread(200), page: 50 },
    view: { title: "Older ones above" },
    pace: 40,
  });
  fixture.addConversation({ id: "empty", view: { title: "Untitled" }, pace: 40 });
  fixture.addConversation({ id: "loading", view: { title: "", state: "loading" } });
  fixture.addConversation({ id: "offline", view: { state: "unavailable_offline" } });
  fixture.addConversation({
    id: "failed",
    view: { state: { failed: problem("internal", "The server made a mistake.", 500) } },
  });
  return fixture;
}
