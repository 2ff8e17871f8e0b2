/**
 * The contract between `sync/` and `store/`: one feed per tab brings everything that happens. In the leader tab it comes from the
 * engine (`/events`, or the long poll where event streams are broken), in the others from the leader through a
 * BroadcastChannel; the store does not know which, and never needs to: a replica that finds a gap fills it itself.
 *
 *   changes   apply if `from` is the replica's rev, or null (a snapshot: forget what is not in it). Otherwise ask
 *             `GET /changes?since=` of the own rev first.
 *   chunk     `applyChunk` (stream_state.ts) decides: next, old, or a gap. After a gap `catchUp` (catch_up.ts) reads on from the
 *             position. `connection` is what it wants to know beside the chunk; two connections never have the same name.
 */
import type { Changes, ChunkEvent, Position, Rev } from "../protocol/types.ts";

export type FeedEvent =
  | { readonly kind: "changes"; readonly changes: Changes; readonly rev: Rev; readonly from: Rev | null }
  | { readonly kind: "chunk"; readonly event: ChunkEvent; readonly connection: string }
  /** The engine said 401; the feed rests until `resume()`. */
  | { readonly kind: "signed_out" };

/** What a (re)connection begins from; asked each time, so that cursors are always fresh. */
export interface FeedStart {
  /** The replica's rev; null asks for a snapshot. */
  readonly since: Rev | null;
  /** Where the replica is in each task it holds text of. Tasks left out are sent from their start. */
  readonly cursors: ReadonlyMap<string, Position>;
}

export interface FeedOptions {
  readonly start: () => FeedStart;
  readonly onEvent: (event: FeedEvent) => void;
  readonly onStatus: (status: FeedStatus) => void;
}

export interface FeedStatus {
  readonly state:
    | { readonly kind: "connecting" }
    | { readonly kind: "connected"; readonly since: number }
    | { readonly kind: "waiting"; readonly retryAt: number; readonly cause: string; readonly tries: number }
    | { readonly kind: "offline" }
    | { readonly kind: "stopped" };
  readonly transport: "events" | "poll";
  readonly role: "leader" | "follower";
}

export interface Feed {
  start(): void;
  /** Connects at once if it waits or rests (the network is back, somebody signed in, a person pressed the button). */
  resume(): void;
  /** Gives up leadership, tells the other tabs, closes the connection. */
  stop(): void;
}
