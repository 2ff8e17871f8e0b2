/** A client made by hand, for tests of the shell and for looking at it: views are set, calls are noted. */
import type {
  ActivityView,
  AnswerEnded,
  ConnectionView,
  ConversationListView,
  ConversationStore,
  ConversationSummary,
  ConversationView,
  Identity,
  Model,
  Outcome,
  Readable,
  SearchResult,
  Throughline,
} from "@throughline/client";

export interface Settable<T> extends Readable<T> {
  set(value: T): void;
}

export function settable<T>(first: T): Settable<T> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener();
    },
  };
}

export function summary(id: string, more: Partial<ConversationSummary> = {}): ConversationSummary {
  return {
    id,
    title: `Chat ${id}`,
    pinned: false,
    updatedAt: Date.now(),
    messageCount: 2,
    running: false,
    unread: 0,
    cached: true,
    ...more,
  };
}

const fine: Outcome = { ok: true };

export interface FakeClient extends Throughline {
  readonly calls: string[];
  readonly identity: Settable<Identity>;
  readonly connection: Settable<ConnectionView>;
  readonly list: Settable<ConversationListView>;
  readonly models: Settable<readonly Model[]>;
  readonly activity: Settable<ActivityView>;
  found: SearchResult;
  end(ended: AnswerEnded): void;
}

export function fakeClient(items: readonly ConversationSummary[] = []): FakeClient {
  const calls: string[] = [];
  const note = async (call: string): Promise<Outcome> => {
    calls.push(call);
    return fine;
  };
  const list = settable<ConversationListView>({ loading: "ready", items, hasMore: false });
  const listeners = new Set<(ended: AnswerEnded) => void>();
  const drafts = new Map<string | null, string>();
  return {
    calls,
    list,
    identity: settable<Identity>({
      kind: "known",
      me: {
        principal: "local",
        installation: "0199a1c0-7c1e-7000-8000-2b7f3c5d9e10",
        version: "0.5.0",
        signed_in: "open",
      },
      confirmed: true,
    }),
    connection: settable<ConnectionView>({
      state: { kind: "connected", since: Date.now() },
      transport: "events",
      role: "leader",
      rev: 1,
      history: [],
    }),
    models: settable<readonly Model[]>([{ id: "demo", provider: "demo", default: true }]),
    activity: settable<ActivityView>({ running: [], unreadTotal: 0, waitingToSend: 0 }),
    found: { from: "engine", hits: [] },
    conversations: {
      get: list.get,
      subscribe: list.subscribe,
      rename: (id, title) => note(`rename ${id} ${title}`),
      setPinned: (id, pinned) => note(`pin ${id} ${pinned}`),
      remove(id) {
        const before = list.get();
        list.set({ ...before, items: before.items.filter((item) => item.id !== id) });
        return {
          undo() {
            list.set(before);
            return note(`undo ${id}`);
          },
          done: note(`remove ${id}`),
        };
      },
      async loadMore() {
        calls.push("loadMore");
      },
    },
    conversation: (id) => fakeConversation(id, list.get().items.find((item) => item.id === id)?.title ?? ""),
    onAnswerEnded(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    end(ended) {
      for (const listener of listeners) listener(ended);
    },
    async search(query, signal) {
      calls.push(`search ${query}`);
      signal?.throwIfAborted();
      return this.found;
    },
    begin: () => ({ conversationId: "new-1" }),
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
    reconnect() {
      calls.push("reconnect");
    },
  };
}

function fakeConversation(id: string, title: string): ConversationStore {
  const view: ConversationView = {
    id,
    isLocal: false,
    title,
    model: null,
    systemPrompt: null,
    state: "ready",
    thread: [],
    olderAvailable: false,
    runningKey: null,
  };
  const nothing = { get: () => undefined, subscribe: () => () => {} };
  return {
    get: () => view,
    subscribe: () => () => {},
    message: () => nothing,
    open: () => () => {},
    loadOlder: async () => {},
    send() {},
    stop: async () => fine,
    regenerate: async () => fine,
    edit: async () => fine,
    switchBranch() {},
    callOffRetry() {},
    resend() {},
    discard() {},
    setModel: async () => fine,
    setSystemPrompt: async () => fine,
    exportAs: async () => ({ name: "chat.md", text: "" }),
  };
}
