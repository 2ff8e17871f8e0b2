/**
 * What a reader has of one answer, and what a chunk does to it: the rule of docs/protocol.md 4.3. Pure: the result depends on
 * the state and the chunk, and a state once made does not change.
 *
 * Cost: text is appended to a JavaScript string, which engines do without copying what is there, so a chunk costs the same
 * however long the text is.
 */
import { nowhere } from "../protocol/position.ts";
import type { ChunkEvent, DoneChunk, ErrorChunk, Position } from "../protocol/types.ts";

export interface StreamState {
  /** Null: nothing. `0-0`: nothing that counts, but there may be text of the connection named in `unlogged`. */
  readonly position: Position | null;
  readonly content: string;
  readonly reasoning: string;
  /** The terminal chunk; nothing is applied after it. */
  readonly ended: DoneChunk | ErrorChunk | null;
  /** Of the newest chunk of the log; 0 before the first. */
  readonly attempt: number;
  /** Why the answer began again, if it did; not when only this reader had to read it again. */
  readonly restart: string | null;
  /** How often the text was made void. What has the same number as before only grew. */
  readonly voids: number;
  /**
   * The connection whose reset, not part of the log, was the last thing but for such text. Only what comes from the same one goes
   * on from there: text that is not part of the log, and the end right behind it.
   */
  readonly unlogged: string | null;
}

export const initialStream: StreamState = {
  position: null,
  content: "",
  reasoning: "",
  ended: null,
  attempt: 0,
  restart: null,
  voids: 0,
  unlogged: null,
};

/**
 * `applied`: text grew. `reset`: text is void, and begins again. `ended`: that was the end. `old`: was here before, nothing
 * changes. `gap`: something is missing in front of it, nothing changes: read on from the position.
 */
export type ChunkOutcome = "applied" | "old" | "gap" | "reset" | "ended";

export interface AppliedChunk {
  readonly state: StreamState;
  readonly outcome: ChunkOutcome;
}

/**
 * `connection` names what brought the chunk; two connections never have the same name. It matters for what is not part of the
 * log, which has no place of its own: such text is only right behind the reset of its own connection (whoever came later has
 * a gap). Every source sends that reset first, also to a reader of whom the engine knows that it has nothing.
 */
export function applyChunk(state: StreamState, event: ChunkEvent, connection: string): AppliedChunk {
  const { attempt, chunk } = event;
  const place = placeOf(state, event, connection);
  if (place !== "next") return { state, outcome: place };
  // The log from its start voids what is not part of it: half of a stored text, when the log is there again.
  const isText = chunk.chunk_type === "content" || chunk.chunk_type === "reasoning";
  const before = isText && chunk.chunk_index === 0 && hasText(state) ? voided(state) : state;
  const next: StreamState =
    attempt === null
      ? before
      : { ...before, position: { attempt, index: chunk.chunk_index }, attempt, unlogged: null };
  switch (chunk.chunk_type) {
    case "content":
      return { state: { ...next, content: next.content + chunk.content }, outcome: "applied" };
    case "reasoning":
      return { state: { ...next, reasoning: next.reasoning + chunk.content }, outcome: "applied" };
    case "reset": {
      const empty = voided(next);
      const reset =
        attempt === null
          ? { ...empty, position: nowhere, unlogged: connection }
          : { ...empty, restart: chunk.reason };
      return { state: reset, outcome: "reset" };
    }
    case "done":
    case "error":
      return { state: { ...next, ended: chunk }, outcome: "ended" };
  }
}

function placeOf(state: StreamState, event: ChunkEvent, connection: string): "next" | "old" | "gap" {
  const { attempt, chunk } = event;
  if (state.ended !== null) return "old";
  const isBehindUnlogged = state.unlogged === connection;
  if (attempt === null) return chunk.chunk_type === "reset" || isBehindUnlogged ? "next" : "gap";
  const isEnd = chunk.chunk_type === "done" || chunk.chunk_type === "error";
  if (isEnd && isBehindUnlogged) return "next";
  const at = state.position ?? nowhere;
  if (attempt < at.attempt) return "old";
  if (attempt > at.attempt) return chunk.chunk_index === 0 && !(isEnd && hasText(state)) ? "next" : "gap";
  if (chunk.chunk_index <= at.index) return "old";
  return chunk.chunk_index === at.index + 1 ? "next" : "gap";
}

function hasText(state: StreamState): boolean {
  return state.content !== "" || state.reasoning !== "";
}

function voided(state: StreamState): StreamState {
  return { ...state, content: "", reasoning: "", voids: state.voids + 1 };
}
