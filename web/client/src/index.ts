export { Api, type ConversationChange, type ListQuery } from "./protocol/api.ts";
export { comparePositions, formatPosition, parsePosition } from "./protocol/position.ts";
export type { TransportOptions } from "./protocol/transport.ts";
export type * from "./protocol/types.ts";
export type { CachePort } from "./store/cache_port.ts";
export { type ChatCache, chatCache } from "./store/chat_cache.ts";
export type * from "./store/contract.ts";
export { createThroughline, type ThroughlineOptions } from "./store/create.ts";
export {
  defaultStoreEnvironment,
  plainStoreEnvironment,
  type StoreEnvironment,
} from "./store/environment.ts";
export { MemoryCache } from "./store/memory_cache.ts";
export type { ThroughlineStore } from "./store/throughline.ts";
export { type CatchUpOptions, type CaughtUp, catchUp } from "./sync/catch_up.ts";
export { type Clock, systemClock } from "./sync/clock.ts";
export type * from "./sync/feed.ts";
export { createFeed } from "./sync/feed.ts";
export {
  type AppliedChunk,
  applyChunk,
  type ChunkOutcome,
  initialStream,
  type StreamState,
} from "./sync/stream_state.ts";
export { defaultTabs, onlyTab, type Tabs } from "./sync/tabs.ts";
