/** What a connection tells, whatever it is made of. After `close` it says nothing more. */
import type { Problem } from "../protocol/types.ts";
import type { FeedEvent } from "./feed.ts";

export interface FeedSink {
  /** The engine answers, and events come. `retryMs`: the server's `retry:`. */
  opened(retryMs: number | null): void;
  event(event: FeedEvent): void;
  /** Something came, if only a comment. */
  alive(): void;
  /** The end, unless it was closed. `askedMs`: the server said when to come back. */
  lost(cause: string, askedMs: number | null): void;
  /** The end: the engine answered with a problem. */
  refused(problem: Problem): void;
}

export interface OpenConnection {
  close(): void;
}

/** The end, by what a request came to. */
export function endWith(sink: FeedSink, problem: Problem): void {
  if (problem.code === "network") sink.lost(problem.detail, null);
  else sink.refused(problem);
}
