export { Api, type ConversationChange, type ListQuery } from "./protocol/api.ts";
export { comparePositions, formatPosition, parsePosition } from "./protocol/position.ts";
export type { TransportOptions } from "./protocol/transport.ts";
export type * from "./protocol/types.ts";
export type * from "./store/contract.ts";
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
