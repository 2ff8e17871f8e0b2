/** The text of one answer and the position it belongs to, and what a chunk does to both (docs/protocol.md, 4.3). */
import type { ChunkEvent, DoneChunk, ErrorChunk, Position } from "../protocol/types.ts";

export interface StreamText {
  /** Null: nothing that counts. */
  readonly position: Position | null;
  readonly content: string;
  readonly reasoning: string;
  readonly ended: DoneChunk | ErrorChunk | null;
  /** Why the answer began again, if it did; not for what only this reader had to read again. */
  readonly restart: string | null;
  /** How often the text was made void. What was appended to a text with the same number goes on where it was. */
  readonly voids: number;
  /** The last thing applied was not part of the log: an end may follow it directly. */
  readonly behindUnlogged: boolean;
}

export const initialText: StreamText = {
  position: null,
  content: "",
  reasoning: "",
  ended: null,
  restart: null,
  voids: 0,
  behindUnlogged: false,
};

export type Applied = { readonly kind: "next"; readonly text: StreamText } | { readonly kind: "old" | "gap" };

export function applyChunk(text: StreamText, { attempt, chunk }: ChunkEvent): Applied {
  const at = attempt === null ? null : { attempt, index: chunk.chunk_index };
  if (at !== null) {
    const place = placeOf(text, at, chunk.chunk_type === "done" || chunk.chunk_type === "error");
    if (place !== "next") return { kind: place };
  } else if (text.ended !== null) return { kind: "old" };
  const base = { ...text, position: at ?? text.position, behindUnlogged: at === null };
  switch (chunk.chunk_type) {
    case "content":
      return { kind: "next", text: { ...base, content: text.content + chunk.content } };
    case "reasoning":
      return { kind: "next", text: { ...base, reasoning: text.reasoning + chunk.content } };
    case "reset":
      return {
        kind: "next",
        text: {
          ...base,
          position: at,
          content: "",
          reasoning: "",
          voids: text.voids + 1,
          restart: at === null ? text.restart : chunk.reason,
        },
      };
    case "done":
    case "error":
      return { kind: "next", text: { ...base, ended: chunk } };
  }
}

function placeOf(text: StreamText, at: Position, isEnd: boolean): "next" | "old" | "gap" {
  if (text.ended !== null) return "old";
  if (isEnd && text.behindUnlogged) return "next";
  const position = text.position;
  if (position === null) return at.index === 0 ? "next" : "gap";
  if (at.attempt === position.attempt) {
    if (at.index <= position.index) return "old";
    return at.index === position.index + 1 ? "next" : "gap";
  }
  if (at.attempt < position.attempt) return "old";
  return at.index === 0 ? "next" : "gap";
}
