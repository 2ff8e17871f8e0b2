/**
 * Puts the parts of the store together. Nothing here knows HTTP or IndexedDB: `createThroughline` (create.ts) brings those,
 * tests bring an engine in the process.
 */

import { randomId } from "../protocol/random_id.ts";
import type { Model } from "../protocol/types.ts";
import type { Clock } from "../sync/clock.ts";
import { debug } from "../sync/debug.ts";
import type { FeedEvent, FeedStatus } from "../sync/feed.ts";
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
import { local_prefix } from "./conversation.ts";
import { ConversationStores } from "./conversation_stores.ts";
import { Data } from "./data_tools.ts";
import { Drafts } from "./drafts.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import { FirstList } from "./first_list.ts";
import { type Followed, Following } from "./following.ts";
import { Housekeeping } from "./housekeeping.ts";
import { WhoIsAsking } from "./identity.ts";
import { Keeper } from "./keeper.ts";
import { Keys } from "./keys.ts";
import { Conversations } from "./list.ts";
import { OpenConversations } from "./open_conversations.ts";
import { OtherTabs, type TabMessage } from "./other_tabs.ts";
import { Outbox } from "./outbox.ts";
import { type MakeFeed, OwnFeed } from "./own_feed.ts";
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
import { tellAll, tellViews, type Views } from "./tell_views.ts";
import { Titles } from "./titles.ts";
import { Unread } from "./unread.ts";

export interface Composition {
  readonly engine: Engine;
  readonly makeFeed: MakeFeed;
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
  readonly #first: FirstList;
  readonly #writer: StreamWriter;
  readonly #notes: StreamNotes;
  readonly #housekeeping: Housekeeping;
  readonly #applier: ChangesApplier;
  readonly #tabs: OtherTabs;
  readonly #search: Search;
  readonly #following: Following;
  readonly #models: Cell<readonly Model[]>;
  readonly #feed: OwnFeed;
  readonly #stores: ConversationStores;
  readonly #open: OpenConversations;
  readonly #views: Views;
  #endListening: (() => void) | null = null;
  #ready = Promise.withResolvers<void>();
  #cacheWasRead = false;
  #hadOwner = false;
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
      changed: (messageId) => this.#stores.invalidateMessage(messageId, false),
      tellCalledOff: (messageId) => this.#tabs.tell({ kind: "retry_called_off", messageId }),
    });
    this.#unread = new Unread({
      isLeader,
      replica: this.#replica,
      sessions: this.#sessions,
      isSeen: (id) => environment.isVisible() && (this.#stores.find(id)?.isOpen ?? false),
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
    this.#first = new FirstList(environment, baseUrl, () => this.identity.owner);
    this.conversations = new Conversations({
      ...this.#parts,
      titles: this.#titles,
      first: this.#first,
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
    this.#feed = new OwnFeed(makeFeed, {
      start: () => {
        this.#notes.reconnecting();
        return { since: this.#replica.rev, cursors: this.#streams.cursors() };
      },
      admit: (owner, signal) => this.identity.admit(owner, signal),
      onEvent: (event) => this.#onFeedEvent(event),
      onStatus: (status) => this.#onFeedStatus(status),
    });
    this.#stores = new ConversationStores(this.#parts, {
      retries: this.#retries,
      onShown: (store) => this.#open.shown(store),
      setDraft: (conversationId, text) => this.drafts.set(conversationId, text),
    });
    this.#open = new OpenConversations(this.#parts, this.#stores, this.connection, this.#unread);
    this.#views = {
      stores: this.#stores,
      conversations: this.conversations,
      activity: this.activity,
      connection: this.connection,
      drafts: this.drafts,
      onSnapshot: () => {
        this.#titles.forget();
        this.#first.forget();
        this.#housekeeping.forget();
      },
    };
    tellViews(this.#parts, this.#views);
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
    this.#feed.stop();
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
    if (this.#feed.isThere) this.#feed.resume();
    else void this.identity.ask();
    this.#open.loadWanting();
  }

  conversation(id: string): ConversationStore {
    return this.#stores.get(id);
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
    // What was written before anybody was known is the first one's.
    if (this.#hadOwner) this.#forget();
    this.#hadOwner = true;
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
    tellAll(this.#views);
  }

  #onConfirmed(): void {
    this.#feed.start(this.identity.owner ?? "");
    this.#outbox.pump();
    void this.#readModels();
    this.#open.load();
    tellAll(this.#views);
  }

  #onSignedOut(): void {
    this.#forget();
    this.connection.setState({ kind: "stopped" });
    tellAll(this.#views);
  }

  /** Nothing of the one who asked before may be seen, or sent, by the next one. */
  #forget(): void {
    this.#feed.stop();
    if (this.#cacheWasRead) this.#ready = Promise.withResolvers<void>();
    this.#cacheWasRead = false;
    this.#applier.forget();
    this.#writer.forget();
    this.#retries.forget();
    this.#outbox.forget();
    this.#streams.forget();
    this.#sessions.forget();
    this.#titles.forget();
    this.#first.forget();
    this.#housekeeping.forget();
    this.activity.forget();
    this.#replica.forget();
    this.#models.set([]);
    for (const store of this.#stores.all()) store.history.begin("again");
    tellAll(this.#views);
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
      if (now.role === "follower") this.#agree();
      this.#outbox.pump();
      this.#applier.readOn();
      void this.activity.readRunning();
      this.#open.loadWanting();
      this.#housekeeping.wake();
    }
    this.conversations.invalidate();
  }

  /** The tab that leads tells only what comes from now on. */
  #agree(): void {
    this.#applier.agree();
    this.#open.catchUp();
  }

  #onWorldChanged(): void {
    const { isVisible, isOnline } = this.#environment;
    if (!this.#feed.isThere && isVisible() && isOnline()) void this.identity.ask();
    if (!this.#feed.isThere && !isOnline()) this.connection.setState({ kind: "offline" });
    this.#open.look();
    this.#outbox.pump();
    this.#open.loadWanting();
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
