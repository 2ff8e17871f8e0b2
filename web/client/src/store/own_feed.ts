/** The feed of whoever is asking: at most one, and what that of somebody before still says is not heard. */
import type { Feed, FeedEvent, FeedOptions, FeedStatus } from "../sync/feed.ts";

/** Makes the feed of one owner: tabs of different ones share nothing. */
export type MakeFeed = (options: FeedOptions, owner: string) => Feed;

export interface OwnFeedHooks {
  readonly start: FeedOptions["start"];
  readonly admit: (owner: string, signal: AbortSignal) => ReturnType<NonNullable<FeedOptions["admit"]>>;
  readonly onEvent: (event: FeedEvent) => void;
  readonly onStatus: (status: FeedStatus) => void;
}

export class OwnFeed {
  readonly #makeFeed: MakeFeed;
  readonly #hooks: OwnFeedHooks;
  #feed: Feed | null = null;

  constructor(makeFeed: MakeFeed, hooks: OwnFeedHooks) {
    this.#makeFeed = makeFeed;
    this.#hooks = hooks;
  }

  /** False while nobody is known. */
  get isThere(): boolean {
    return this.#feed !== null;
  }

  start(owner: string): void {
    if (this.#feed !== null) return;
    const { start, admit, onEvent, onStatus } = this.#hooks;
    const isOurs = () => this.#feed === feed;
    const feed: Feed = this.#makeFeed(
      {
        start,
        admit: (signal) => admit(owner, signal),
        onEvent: (event) => {
          if (isOurs()) onEvent(event);
        },
        onStatus: (status) => {
          if (isOurs()) onStatus(status);
        },
      },
      owner,
    );
    this.#feed = feed;
    feed.start();
  }

  resume(): void {
    this.#feed?.resume();
  }

  stop(): void {
    const feed = this.#feed;
    this.#feed = null;
    feed?.stop();
  }
}
