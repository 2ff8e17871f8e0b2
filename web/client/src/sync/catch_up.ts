/** Reads one answer's stream on from a position, page by page, until everything that there is now has been told. */
import type { Api } from "../protocol/api.ts";
import type { ChunkEvent, Position, Problem } from "../protocol/types.ts";
import { WholeTexts } from "./whole_texts.ts";

export type CaughtUp =
  | { readonly kind: "ended" }
  /** There is no more for now; `position` is where the next reading begins. */
  | { readonly kind: "up_to_date"; readonly position: Position | null }
  | { readonly kind: "failed"; readonly problem: Problem };

export interface CatchUpOptions {
  readonly api: Pick<Api, "readStream">;
  readonly taskId: string;
  /** Of the text the caller has; null: it has none. */
  readonly from: Position | null;
  /** As `FeedEvent` of kind `chunk`: apply by `applyChunk(state, event, connection)`. */
  readonly onChunk: (event: ChunkEvent, connection: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** An answer has at most 200,000 chunks; a page is far larger than one. What is left comes by the feed, or the next reading. */
const pages_max = 1_000;

let readings = 0;

export async function catchUp(options: CatchUpOptions): Promise<CaughtUp> {
  const { api, taskId, onChunk, signal } = options;
  const connection = `reading ${++readings} ${Math.random()}`;
  const whole = new WholeTexts();
  let position = options.from;
  for (let page = 0; page < pages_max; page++) {
    const reply = await api.readStream(taskId, position, 0, signal);
    if (!reply.ok) return { kind: "failed", problem: reply.problem };
    for (const chunk of reply.value.chunks) {
      for (const event of whole.complete(chunk)) onChunk(event, connection);
    }
    if (reply.value.ended) return { kind: "ended" };
    if (reply.value.chunks.length === 0) break;
    position = reply.value.position;
  }
  return { kind: "up_to_date", position };
}
