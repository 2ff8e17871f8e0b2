/**
 * What the application sees of the client: the manual of `createThroughline` (store/throughline.ts). Everything here is plain
 * TypeScript; views are immutable values behind `Readable`, made for `useSyncExternalStore`: `get()` returns the same object
 * until something changed, and listeners are called at most once per animation frame (hidden pages: a few times a second).
 *
 * Every tab is a complete replica: it reads the cache (IndexedDB), then agrees with the engine by rev, then applies what the
 * one event stream of the browser brings (of which one tab is the leader; nobody above this line knows which).
 */
import type {
  AnswerError,
  Conversation,
  Me,
  MessageStatus,
  Model,
  Problem,
  Usage,
} from "../protocol/types.ts";
import type { Followed } from "./following.ts";

export type { Followed, FollowedMeta } from "./following.ts";

export interface Readable<T> {
  get(): T;
  /** Calls `listener` after each change. Returns what ends that; calling it twice is harmless. */
  subscribe(listener: () => void): () => void;
}

export interface Throughline {
  /** Reads the cache, then connects. Everything can be called before; it waits. */
  start(): void;
  /** Disconnects, writes what is unwritten, closes the cache. Nothing may be called afterwards. */
  stop(): Promise<void>;
  /** Who is asking. `unknown` until the engine or the cache has said; `signed_out` after a 401. */
  readonly identity: Readable<Identity>;
  readonly connection: Readable<ConnectionView>;
  /** Tries to connect now instead of at `retryAt`, if it waits for that; reads again what an open conversation could not read. */
  reconnect(): void;
  readonly conversations: ConversationList;
  /** The store of one conversation; the same object for the same id. For an id nobody knows its view says `missing` in time. */
  conversation(id: string): ConversationStore;
  readonly models: Readable<readonly Model[]>;
  /** Everything that runs, and what ended unseen. */
  readonly activity: Readable<ActivityView>;
  /**
   * Called once for each answer of any conversation that ends while this tab is the leader, and for those that ended while this
   * browser was away when the leader hears of them: for notifications.
   */
  onAnswerEnded(listener: (ended: AnswerEnded) => void): () => void;
  /**
   * Titles and texts: the engine's search, and the cache's own when offline (`from` says which). Rejects when `signal` is
   * aborted, and only then.
   */
  search(query: string, signal?: AbortSignal): Promise<SearchResult>;
  /**
   * Sends the first message of a new conversation. Returns at once with the id under which the conversation can be opened at
   * once: a local one (`new-...`), for which `conversation()` keeps working after the engine has given it its own (`view.id`).
   */
  begin(draft: NewConversation): { conversationId: string };
  /** Somebody points at this conversation: brings it into the cache, if it is not there and there is time. */
  prefetch(conversationId: string): void;
  /** Follows one answer with callbacks, as many at once as one likes. Returns what ends that; the answer goes on. */
  follow(followed: Followed): () => void;
  /** The text being written, kept per conversation (`null`: the page of a new one) across reloads. Synchronous, cheap. */
  readonly drafts: {
    get(conversationId: string | null): string;
    set(conversationId: string | null, text: string): void;
  };
  readonly data: DataTools;
}

export interface NewConversation {
  /** The first message. */
  readonly content: string;
  readonly model?: string | undefined;
  /** What the model is told before everything else, from the first answer on. */
  readonly systemPrompt?: string | undefined;
}

export type Identity =
  | { readonly kind: "unknown" }
  | {
      readonly kind: "known";
      readonly me: Me /** False: taken from the cache, the engine has not answered yet. */;
      readonly confirmed: boolean;
    }
  | { readonly kind: "signed_out" };

/** What the "About this connection" panel draws. Times are milliseconds of `Date.now()`. */
export interface ConnectionView {
  readonly state:
    | { readonly kind: "connecting" }
    | { readonly kind: "connected"; readonly since: number }
    /** `cause` is a sentence for people. `retryAt` is when it tries again by itself. */
    | { readonly kind: "waiting"; readonly retryAt: number; readonly cause: string; readonly tries: number }
    | { readonly kind: "offline" }
    | { readonly kind: "stopped" };
  /**
   * How events come: `events` is SSE, `poll` the long poll of networks that break SSE, until SSE has worked for a minute
   * again.
   */
  readonly transport: "events" | "poll";
  /** Whether this tab holds the connection or another tab of this browser does. */
  readonly role: "leader" | "follower";
  readonly rev: number | null;
  /** Newest first, at most 50: what happened to the connection and to streams that resumed. */
  readonly history: readonly ConnectionNote[];
}
export type ConnectionNote = { readonly at: number } & (
  | {
      readonly kind:
        | "connected"
        | "offline"
        | "fell_back_to_poll"
        | "back_to_events"
        | "became_leader"
        | "synchronised";
    }
  | { readonly kind: "lost"; readonly cause: string }
  /** A stream went on at a position (`chunk` is the first one it got), or began again. */
  | { readonly kind: "resumed"; readonly conversationId: string; readonly chunk: number }
  | {
      readonly kind: "restarted";
      readonly conversationId: string;
      readonly attempt: number;
      readonly reason: string;
    }
);

// --- The list ---------------------------------------------------------------------------------------------------------------

export interface ConversationList extends Readable<ConversationListView> {
  rename(id: string, title: string): Promise<Outcome>;
  setPinned(id: string, pinned: boolean): Promise<Outcome>;
  /**
   * Hides it at once and tells the engine; `undo` brings it back for 30 s. When the engine refuses it reappears. One that was
   * not sent yet is thrown away, and brought back, here; while it is on its way it stays, and the outcome says so.
   */
  remove(id: string): { readonly undo: () => Promise<Outcome>; readonly done: Promise<Outcome> };
  /** More of the end of the list, if `hasMore`. */
  loadMore(): Promise<void>;
}
export interface ConversationListView {
  readonly loading: "cache" | "engine" | "ready";
  /** Pinned ones first, then by newest activity, as the engine orders them. Local ones included. */
  readonly items: readonly ConversationSummary[];
  readonly hasMore: boolean;
}
export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly pinned: boolean;
  readonly updatedAt: number;
  readonly messageCount: number;
  /** An answer is waited for or being written. */
  readonly running: boolean;
  /** Answers that ended since this browser last looked at it. */
  readonly unread: number;
  /** Can be read offline in full. */
  readonly cached: boolean;
}

// --- One conversation -------------------------------------------------------------------------------------------------------

export interface ConversationStore extends Readable<ConversationView> {
  /** One message, by the key of `view.thread`. A chunk changes only this. An unknown key reads as undefined. */
  message(key: string): Readable<MessageView | undefined>;
  /** The page shows it: loads what is missing, keeps it agreeing, clears unread while the page is visible. Returns "leave". */
  open(): () => void;
  /** Earlier messages of the branch, if `olderAvailable`. */
  loadOlder(): Promise<void>;
  /** Sends after the last message of the shown branch. Shown at once; kept and sent later when offline. */
  send(content: string): void;
  /** Stops the newest answer that runs (or the one named). The text so far is kept. Resolves when it is known what came of it. */
  stop(messageKey?: string): Promise<Outcome>;
  /** Another answer to the same question, as another branch; also the one button after an error. */
  regenerate(messageKey: string, model?: string): Promise<Outcome>;
  /**
   * Another version of a user message and an answer to it. Kept and sent later like any message; `ok` also while it can only
   * wait.
   */
  edit(messageKey: string, content: string): Promise<Outcome>;
  /** Shows the sibling that many steps away (-1, +1), with the newest branch below it. */
  switchBranch(messageKey: string, step: number): void;
  /** Calls off the retry that `MessageView.retry` announces. */
  callOffRetry(messageKey: string): void;
  /** Of a message that could not be sent: tries again now, or throws it away (its text goes back to the draft). */
  resend(messageKey: string): void;
  discard(messageKey: string): void;
  setModel(model: string | null): Promise<Outcome>;
  setSystemPrompt(prompt: string | null): Promise<Outcome>;
  exportAs(format: "markdown" | "json"): Promise<{ readonly name: string; readonly text: string }>;
}
export interface ConversationView {
  /** The engine's id as soon as there is one; until then the local one. */
  readonly id: string;
  readonly isLocal: boolean;
  readonly title: string;
  readonly model: string | null;
  readonly systemPrompt: string | null;
  /** `ready` also while it agrees with the engine; `missing`: deleted, somebody else's, or never existed. */
  readonly state: "loading" | "ready" | "missing" | "unavailable_offline" | { readonly failed: Problem };
  /** Keys of the messages of the shown branch, oldest first. The same array until it changes; keys outlive local ids. */
  readonly thread: readonly string[];
  readonly olderAvailable: boolean;
  /** The newest answer that runs, which Esc stops. */
  readonly runningKey: string | null;
}

export interface MessageView {
  readonly key: string;
  /** Of the engine; null while only this browser knows it. */
  readonly id: string | null;
  readonly role: "user" | "assistant" | "system";
  /**
   * `waiting`: kept here until the network is back. `sending`: on its way. `unsent`: refused, or tried so long ago that nobody
   * knows; `problem` says why.
   */
  readonly status: "waiting" | "sending" | "unsent" | MessageStatus;
  /** Byte for byte what the model sent so far. */
  readonly content: string;
  readonly reasoning: string;
  /** Text is arriving or awaited (`queued` or `generating`). */
  readonly live: boolean;
  /** Above 1: the answer began again; `restart` is the `reason` of its reset (docs/protocol.md), while it is being written. */
  readonly attempt: number;
  readonly restart: string | null;
  readonly queuePlace: number | null;
  readonly error: AnswerError | null;
  readonly problem: Problem | null;
  /** A retry that comes by itself at this moment (ms of Date.now()) unless called off. */
  readonly retry: { readonly at: number } | null;
  readonly branch: { readonly index: number; readonly count: number };
  readonly model: string | null;
  readonly finishReason: string | null;
  readonly usage: Usage | null;
  readonly ttftMs: number | null;
  readonly latencyMs: number | null;
  readonly createdAt: number;
  /** Position of what is shown, like `1-42`, for the curious; "" when there is none. */
  readonly position: string;
}

export type Outcome = { readonly ok: true } | { readonly ok: false; readonly problem: Problem };

// --- The rest ---------------------------------------------------------------------------------------------------------------

export interface ActivityView {
  readonly running: readonly {
    readonly conversationId: string;
    readonly messageId: string;
    readonly taskId: string;
    readonly startedAt: number | null;
  }[];
  readonly unreadTotal: number;
  /** Messages of this browser that wait for the network. */
  readonly waitingToSend: number;
}
export interface AnswerEnded {
  readonly conversationId: string;
  readonly title: string;
  readonly messageId: string;
  readonly status: "completed" | "cancelled" | "error";
  /** The first line or so. */
  readonly excerpt: string;
}
export interface SearchResult {
  readonly from: "engine" | "cache";
  readonly hits: readonly {
    readonly conversationId: string;
    readonly title: string;
    readonly snippet: string;
    readonly updatedAt: number;
  }[];
}
export interface DataTools {
  usage(): Promise<{
    readonly conversations: number;
    readonly inFull: number;
    readonly bytes: number | null;
  }>;
  /** Forgets everything this browser has cached (not what waits to be sent), then fills up again from the engine. */
  clearCache(): Promise<void>;
  /**
   * Everything, from the engine, as one JSON text per conversation; `progress` is told conversations done of all. Rejects with
   * an Error in words for people when a part cannot be had, and when `signal` is aborted.
   */
  exportAll(progress: (done: number, all: number) => void, signal?: AbortSignal): Promise<Blob>;
}

export type { Conversation };
