export type * from "./protocol/types.ts";
export type * from "./store/contract.ts";
export type * from "./sync/feed.ts";
