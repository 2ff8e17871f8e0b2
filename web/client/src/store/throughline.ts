/**
 * Puts the parts of the store together. Nothing here knows HTTP or IndexedDB: `createThroughline` (create.ts) brings those,
 * tests bring an engine in the process.
 */

import { randomId } from "../protocol/random_id.ts";
import type { Model } from "../protocol/types.ts";
import type { Clock } from "../sync/clock.ts";
import { debug } from "../sync/debug.ts";
import type { Feed, FeedEvent, FeedOptions, FeedStatus } from "../sync/feed.ts";
import { Activity } from "./activity.ts";
import { ChangesApplier } from "./changes_applier.ts";
import { Connection } from "./connection.ts";
import type {
  AnswerEnded,
  ConversationListView,
  ConversationStore,
  NewConversation,
  Readable,
  SearchResult,
  Throughline,
} from "./contract.ts";
import { LiveConversation, local_prefix } from "./conversation.ts";
import { Data } from "./data_tools.ts";
import { Drafts } from "./drafts.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import { type Followed, Following } from "./following.ts";
import { Housekeeping } from "./housekeeping.ts";
import { WhoIsAsking } from "./identity.ts";
import { Keeper } from "./keeper.ts";
import { Keys } from "./keys.ts";
import { Conversations } from "./list.ts";
import { isTerminal } from "./message_status.ts";
import { OtherTabs, type TabMessage } from "./other_tabs.ts";
import { Outbox } from "./outbox.ts";
import type { Parts } from "./parts.ts";
import { Batch, Cell } from "./readable.ts";
import { Replica } from "./replica.ts";
import { Retries } from "./retries.ts";
import { type OpenCache, SafeCache } from "./safe_cache.ts";
import { Search } from "./search.ts";
import { Sessions } from "./sessions.ts";
import { StreamNotes } from "./stream_notes.ts";
import { StreamWriter } from "./stream_writer.ts";
import { Streams } from "./streams.ts";
import { Titles } from "./titles.ts";
import { Unread } from "./unread.ts";

export interface Composition {
  readonly engine: Engine;
  /** Of one owner: tabs of different ones share nothing. */
  readonly makeFeed: (options: FeedOptions, owner: string) => Feed;
  readonly openCache: OpenCache;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  /** Tells installations at different addresses apart where things are remembered. */
  readonly baseUrl: string;
}

export class ThroughlineStore implements Throughline {
  readonly identity: WhoIsAsking;
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly models: Readable<readonly Model[]>;
  readonly activity: Activity;
  readonly drafts: Drafts;
  readonly data: Data;
  readonly cache: SafeCache;
  readonly #environment: StoreEnvironment;
  readonly #engine: Engine;
  readonly #parts: Parts;
  readonly #batch: Batch;
  readonly #replica = new Replica();
  readonly #keys = new Keys();
  readonly #sessions: Sessions;
  readonly #streams: Streams;
  readonly #outbox: Outbox;
  readonly #retries: Retries;
  readonly #unread: Unread;
  readonly #titles: Titles;
  readonly #writer: StreamWriter;
  readonly #notes: StreamNotes;
  readonly #housekeeping: Housekeeping;
  readonly #applier: ChangesApplier;
  readonly #tabs: OtherTabs;
  readonly #search: Search;
  readonly #following: Following;
  readonly #models: Cell<readonly Model[]>;
  readonly #makeFeed: Composition["makeFeed"];
  readonly #stores = new Map<string, LiveConversation>();
  #endListening: (() => void) | null = null;
  #ready = Promise.withResolvers<void>();
  #cacheWasRead = false;
  /** Null while nobody is known. */
  #feed: Feed | null = null;
  #started = false;

  constructor({ engine, makeFeed, openCache, clock, environment, baseUrl }: Composition) {
    this.#engine = engine;
    this.#environment = environment;
    this.#batch = new Batch((run) => environment.requestFrame(run));
    this.connection = new Connection(this.#batch, clock);
    this.#models = new Cell<readonly Model[]>(this.#batch, []);
    this.models = this.#models;
    this.cache = new SafeCache(openCache);
    this.identity = new WhoIsAsking({
      engine,
      clock,
      environment,
      baseUrl,
      batch: this.#batch,
      onOwner: (owner) => this.#onOwner(owner),
      onConfirmed: () => this.#onConfirmed(),
      onSignedOut: () => this.#onSignedOut(),
      onUnreachable: (problem, retryAt, tries) => {
        const cause = problem.detail;
        this.connection.setState(
          environment.isOnline() ? { kind: "waiting", retryAt, cause, tries } : { kind: "offline" },
        );
      },
    });
    this.#sessions = new Sessions(this.cache);
    // The order of these is the order in which they hear of a merge: the cache first, then what gives keys, then the rest.
    new Keeper(this.cache, this.#replica, this.#sessions);
    const canSend = () => this.#isReachable() && this.connection.get().state.kind !== "waiting";
    this.#outbox = new Outbox({
      engine,
      cache: this.cache,
      replica: this.#replica,
      keys: this.#keys,
      clock,
      environment,
      canSend,
      owner: () => this.identity.owner ?? "",
      changedInCache: () => this.#tabs.tell({ kind: "outbox_changed" }),
    });
    this.#streams = new Streams(this.#replica, engine);
    this.#parts = {
      engine,
      clock,
      environment,
      replica: this.#replica,
      streams: this.#streams,
      sessions: this.#sessions,
      outbox: this.#outbox,
      keys: this.#keys,
      cache: this.cache,
      batch: this.#batch,
      ready: () => this.#ready.promise,
      isReachable: () => this.#isReachable(),
    };
    const isLeader = () => this.connection.get().role === "leader";
    this.#retries = new Retries({
      engine,
      clock,
      isLeader,
      replica: this.#replica,
      changed: (messageId) => this.#invalidateMessage(messageId),
      tellCalledOff: (messageId) => this.#tabs.tell({ kind: "retry_called_off", messageId }),
    });
    this.#unread = new Unread({
      isLeader,
      replica: this.#replica,
      sessions: this.#sessions,
      isSeen: (id) => environment.isVisible() && (this.#storeOf(id)?.isOpen ?? false),
      tellRead: (conversationId, messageIds) => this.#tabs.tell({ kind: "read", conversationId, messageIds }),
    });
    this.#writer = new StreamWriter({
      streams: this.#streams,
      cache: this.cache,
      clock,
      environment,
      isLeader,
    });
    this.#notes = new StreamNotes(this.#streams, this.connection);
    this.#titles = new Titles(this.#parts, () => this.conversations.invalidate());
    this.conversations = new Conversations({
      ...this.#parts,
      titles: this.#titles,
      loading: () => this.#listLoading(),
    });
    this.activity = new Activity(this.#parts);
    this.data = new Data(this.#parts, () => {
      this.#housekeeping.forget();
      this.#housekeeping.wake();
    });
    this.#search = new Search(this.#parts);
    this.#following = new Following(this.#parts, this.connection);
    this.#housekeeping = new Housekeeping(this.#parts, this.#titles);
    this.drafts = new Drafts(environment.texts, () => this.identity.owner);
    this.#applier = new ChangesApplier(engine, this.#replica, clock, () => void this.activity.readRunning());
    this.#tabs = new OtherTabs(
      environment,
      () => this.identity.owner,
      (message) => this.#hearTab(message),
    );
    this.#makeFeed = makeFeed;
    this.#watchParts();
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#endListening = this.#environment.listen((event) => {
      if (event === "online" || event === "offline" || event === "shown") this.#onWorldChanged();
    });
    void this.identity.start();
  }

  async stop(): Promise<void> {
    this.#endListening?.();
    this.identity.stop();
    this.#stopFeed();
    this.#housekeeping.stop();
    this.#writer.stop();
    this.#applier.forget();
    this.#outbox.stop();
    this.#retries.forget();
    this.#tabs.close();
    this.cache.close();
    await this.cache.settled();
  }

  reconnect(): void {
    if (this.#feed === null) void this.identity.ask();
    else this.#feed.resume();
    this.#resumeReading();
  }

  conversation(id: string): ConversationStore {
    return this.#store(id);
  }

  begin({ content, model, systemPrompt }: NewConversation): { conversationId: string } {
    const conversationId = `${local_prefix}${randomId()}`;
    const what = { kind: "begin", ...(systemPrompt === undefined ? {} : { systemPrompt }) } as const;
    this.#outbox.add(what, conversationId, content, model ?? null);
    return { conversationId };
  }

  search(query: string, signal?: AbortSignal): Promise<SearchResult> {
    return this.#search.find(query, signal);
  }

  prefetch(conversationId: string): void {
    void this.#housekeeping.prefetch(this.#outbox.resolve(conversationId));
  }

  follow(followed: Followed): () => void {
    return this.#following.follow(followed);
  }

  onAnswerEnded(listener: (ended: AnswerEnded) => void): () => void {
    return this.#unread.onAnswerEnded(listener);
  }

  // --- Who is asking ----------------------------------------------------------------------------------------------------------

  async #onOwner(owner: string): Promise<void> {
    if (this.#cacheWasRead) this.#forget();
    this.cache.use(owner);
    const cached = await this.cache.load();
    if (this.identity.owner !== owner) return;
    this.#sessions.restore(cached.sessions);
    this.#titles.restore(cached.meta);
    this.#models.set(cached.meta.models);
    this.#replica.rev = cached.meta.rev;
    this.#replica.merge({ conversations: cached.sessions.map((row) => row.conversation) }, "cache");
    this.#streams.restore(cached.streams);
    this.#cacheWasRead = true;
    this.#ready.resolve();
    await this.#outbox.restore();
    this.#invalidateAll();
  }

  #onConfirmed(): void {
    if (this.#feed === null) this.#startFeed();
    this.#outbox.pump();
    void this.#readModels();
    for (const store of this.#stores.values()) if (store.isOpen) void store.history.load();
    this.#invalidateAll();
  }

  #onSignedOut(): void {
    this.#forget();
    this.connection.setState({ kind: "stopped" });
    this.#invalidateAll();
  }

  /** Nothing of the one who asked before may be seen, or sent, by the next one. */
  #forget(): void {
    this.#stopFeed();
    if (this.#cacheWasRead) this.#ready = Promise.withResolvers<void>();
    this.#cacheWasRead = false;
    this.#applier.forget();
    this.#writer.forget();
    this.#retries.forget();
    this.#outbox.forget();
    this.#streams.forget();
    this.#sessions.forget();
    this.#titles.forget();
    this.#housekeeping.forget();
    this.activity.forget();
    this.#replica.forget();
    this.#models.set([]);
    for (const store of this.#stores.values()) store.history.begin("again");
    this.#invalidateAll();
  }

  #startFeed(): void {
    // What a feed of the one who asked before still says is not for this one.
    const isOurs = () => this.#feed === feed;
    const owner = this.identity.owner ?? "";
    const feed: Feed = this.#makeFeed(
      {
        start: () => {
          this.#notes.reconnecting();
          return { since: this.#replica.rev, cursors: this.#streams.cursors() };
        },
        admit: (signal) => this.identity.admit(owner, signal),
        onEvent: (event) => {
          if (isOurs()) this.#onFeedEvent(event);
        },
        onStatus: (status) => {
          if (isOurs()) this.#onFeedStatus(status);
        },
      },
      owner,
    );
    this.#feed = feed;
    feed.start();
  }

  #stopFeed(): void {
    const feed = this.#feed;
    this.#feed = null;
    feed?.stop();
  }

  // --- What happens -----------------------------------------------------------------------------------------------------------

  #onFeedEvent(event: FeedEvent): void {
    switch (event.kind) {
      case "changes":
        this.#applier.apply(event.changes, event.rev, event.from);
        this.#housekeeping.wake();
        break;
      case "chunk":
        this.#streams.apply(event.event, event.connection);
        break;
      case "signed_out":
        this.identity.signedOut();
        break;
    }
  }

  #onFeedStatus(status: FeedStatus): void {
    const before = this.connection.get();
    this.connection.setFeed(status);
    const now = this.connection.get();
    if (now.state.kind === "connected" && before.state.kind !== "connected") {
      debug("connected", { transport: now.transport, role: now.role });
      if (now.role === "follower") this.#readOpen();
      this.#outbox.pump();
      this.#applier.readOn();
      void this.activity.readRunning();
      this.#resumeReading();
      this.#housekeeping.wake();
    }
    this.conversations.invalidate();
  }

  /** The tab that leads tells only what comes from now on. */
  #readOpen(): void {
    this.#applier.agree();
    for (const store of this.#stores.values()) if (store.isOpen) this.#readRunning(store);
  }

  #onWorldChanged(): void {
    const { isVisible, isOnline } = this.#environment;
    if (this.#feed === null && isVisible() && isOnline()) void this.identity.ask();
    if (this.#feed === null && !isOnline()) this.connection.setState({ kind: "offline" });
    if (isVisible()) for (const store of this.#stores.values()) if (store.isOpen) this.#look(store);
    this.#outbox.pump();
    this.#resumeReading();
  }

  #resumeReading(): void {
    for (const store of this.#stores.values()) {
      if (store.isOpen && store.history.isWanting)
        void store.history.load().then(() => this.#readRunning(store));
    }
  }

  #look(store: LiveConversation): void {
    if (this.#environment.isVisible()) this.#unread.look(store.id);
  }

  #onShown(store: LiveConversation): void {
    if (!store.isOpen) return;
    void this.#ready.promise.then(() => {
      this.#look(store);
      this.#sessions.set(store.id, { lastAccess: this.#parts.clock.now() });
    });
    void store.history.load().then(() => this.#readRunning(store));
  }

  /** What other tabs have heard of the answers that run here: a follower is sent only what comes from now on. */
  #readRunning(store: LiveConversation): void {
    if (!this.#isReachable() || this.connection.get().role === "leader") return;
    for (const message of this.#replica.messagesOf(store.id).values()) {
      if (!isTerminal(message.status) && message.task_id !== null)
        void this.#streams.catchUp(message.task_id);
    }
  }

  #hearTab(message: TabMessage): void {
    switch (message.kind) {
      case "read":
        this.#unread.readElsewhere(message.conversationId, message.messageIds);
        break;
      case "outbox_changed":
        void this.#outbox.reload();
        break;
      case "retry_called_off":
        this.#retries.calledOffElsewhere(message.messageId);
        break;
    }
  }

  async #readModels(): Promise<void> {
    const reply = await this.#engine.models();
    if (!reply.ok) return;
    this.#models.set(reply.value);
    void this.cache.setMeta({ models: reply.value });
  }

  // --- Who is told ------------------------------------------------------------------------------------------------------------

  #watchParts(): void {
    this.#replica.onMerge((merged) => {
      const touched = new Set(merged.removed);
      for (const { id } of merged.conversations) touched.add(id);
      for (const { now } of merged.messages) touched.add(now.conversation_id);
      for (const task of merged.tasks) touched.add(task.conversation_id);
      if (merged.origin === "snapshot") {
        this.#titles.forget();
        this.#housekeeping.forget();
      }
      for (const store of this.#stores.values()) {
        if (merged.origin === "snapshot") store.history.begin("again");
        else if (merged.removed.includes(store.id)) store.history.begin("missing");
        else if (!touched.has(store.id)) continue;
        else if (store.history.isMissing && this.#replica.conversations.has(store.id))
          store.history.begin("again");
        store.invalidate();
        if (store.isOpen && store.history.isUntouched) void store.history.load();
      }
      this.connection.setRev(this.#replica.rev);
      this.conversations.invalidate();
      this.activity.invalidate();
    });
    this.#streams.watch((taskId, text) => {
      const ended = text === null || text.ended !== null;
      const message = this.#streams.messageOf(taskId);
      if (message !== undefined) this.#storeOf(message.conversation_id)?.invalidateMessage(message.id, ended);
      else for (const store of this.#stores.values()) store.invalidateTask(taskId);
      if (ended) {
        this.conversations.invalidate();
        this.activity.invalidate();
      }
    });
    this.#outbox.onChange((conversationId) => {
      const id = this.#outbox.resolve(conversationId);
      if (id !== conversationId) this.drafts.move(conversationId, id);
      this.#storeOf(id)?.invalidate();
      this.conversations.invalidate();
      this.activity.invalidate();
    });
    this.#sessions.onChange((id) => {
      this.#storeOf(id)?.invalidate();
      this.conversations.invalidate();
      this.activity.invalidate();
    });
  }

  #invalidateAll(): void {
    for (const store of this.#stores.values()) store.invalidate();
    this.conversations.invalidate();
    this.activity.invalidate();
  }

  #invalidateMessage(messageId: string): void {
    const message = this.#replica.messages.get(messageId);
    if (message !== undefined) this.#storeOf(message.conversation_id)?.invalidateMessage(messageId, false);
  }

  #store(id: string): LiveConversation {
    const known = this.#storeOf(id);
    if (known !== undefined) return known;
    const made = new LiveConversation(id, this.#parts, {
      retries: this.#retries,
      onShown: (store) => this.#onShown(store),
      setDraft: (conversationId, text) => this.drafts.set(conversationId, text),
    });
    this.#stores.set(id, made);
    return made;
  }

  /** By the engine's id or the local one. */
  #storeOf(id: string): LiveConversation | undefined {
    const known = this.#stores.get(id);
    if (known !== undefined) return known;
    const wanted = this.#outbox.resolve(id);
    for (const store of this.#stores.values()) {
      if (store.id !== wanted) continue;
      this.#stores.set(id, store);
      return store;
    }
    return undefined;
  }

  /** The network's own word is a hint: without any, an engine on this very machine is still there. */
  #isReachable(): boolean {
    if (!this.identity.isConfirmed) return false;
    const { kind } = this.connection.get().state;
    return kind === "connected" || (kind !== "offline" && this.#environment.isOnline());
  }

  #listLoading(): ConversationListView["loading"] {
    if (this.#replica.rev !== null) return "ready";
    return this.#cacheWasRead ? "engine" : "cache";
  }
}
