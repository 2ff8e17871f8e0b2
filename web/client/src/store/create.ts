/** The store with everything real: HTTP, IndexedDB where there is one, one connection for all tabs of a browser. */
import { Api } from "../protocol/api.ts";
import { type Clock, systemClock } from "../sync/clock.ts";
import { createFeed } from "../sync/feed.ts";
import { defaultTabs, type Tabs } from "../sync/tabs.ts";
import type { CachePort } from "./cache_port.ts";
import { setChatCache } from "./chat_cache.ts";
import { defaultStoreEnvironment, type StoreEnvironment } from "./environment.ts";
import { IndexedDbCache } from "./indexeddb_cache.ts";
import { MemoryCache } from "./memory_cache.ts";
import { ThroughlineStore } from "./throughline.ts";

export interface ThroughlineOptions {
  /** Where the engine is, like `http://127.0.0.1:8080`; "" (the default): where the page comes from. */
  readonly baseUrl?: string;
  /** An access token, for programs; browsers have a cookie. */
  readonly token?: string;
  readonly fetch?: typeof fetch;
  /** Opens the cache of one owner (principal and installation); IndexedDB unless given, memory where there is none. */
  readonly cache?: (owner: string) => Promise<CachePort>;
  /** The tabs that share one connection, for one owner; all tabs of the browser unless given. */
  readonly tabs?: (owner: string) => Tabs;
  readonly clock?: Clock;
  readonly environment?: StoreEnvironment;
}

/** Nothing happens before `start()`. */
export function createThroughline(options: ThroughlineOptions = {}): ThroughlineStore {
  const {
    baseUrl = "",
    token,
    cache = openDefaultCache,
    tabs = defaultOwnerTabs,
    clock = systemClock,
  } = options;
  const environment = options.environment ?? defaultStoreEnvironment();
  const api = new Api({ baseUrl, token, fetch: options.fetch });
  const store = new ThroughlineStore({
    engine: api,
    makeFeed: (feed, owner) => createFeed(feed, { api, clock, environment, tabs: tabs(owner) }),
    openCache: cache,
    clock,
    environment,
    baseUrl,
  });
  setChatCache(store.cache);
  return store;
}

async function openDefaultCache(owner: string): Promise<CachePort> {
  return typeof indexedDB === "undefined" ? new MemoryCache() : IndexedDbCache.open(owner);
}

function defaultOwnerTabs(owner: string): Tabs {
  return defaultTabs(`throughline-feed-${owner}`);
}
