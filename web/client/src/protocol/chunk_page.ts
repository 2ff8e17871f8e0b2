/** The chunks of a long poll's page, each with its attempt, as `/events` would have sent them. */
import { decodeChunk } from "./decode.ts";
import { type Decoder, Fields } from "./fields.ts";
import { parsePosition } from "./position.ts";
import type { Chunk, ChunkEvent, ChunkPage, Position } from "./types.ts";

/** `from`: the position that was asked for. */
export function decodeChunkPage(taskId: string, from: Position | null): Decoder<ChunkPage> {
  return (value, where) => {
    const fields = new Fields(value, where);
    const position = parsePosition(fields.text("position"));
    const chunks = fields.list("chunks", decodeChunk);
    return {
      chunks: withAttempts(taskId, chunks, from, position),
      position,
      ended: fields.flag("ended"),
    };
  };
}

/**
 * A page does not say the attempt of each chunk, but the index 0 begins one, a reset names it, and the position behind the
 * page has the last one.
 */
function withAttempts(
  taskId: string,
  chunks: readonly Chunk[],
  from: Position | null,
  to: Position | null,
): ChunkEvent[] {
  const lastBeginning = chunks.findLastIndex((chunk) => chunk.chunk_index === 0);
  const last = to?.attempt ?? 1;
  let attempt = from === null || from.attempt === 0 ? last : from.attempt;
  return chunks.map((chunk, place) => {
    if (chunk.chunk_index < 0) {
      attempt = last;
      return { task_id: taskId, attempt: null, chunk };
    }
    if (chunk.chunk_index === 0) {
      const named = chunk.chunk_type === "reset" ? chunk.attempt : null;
      attempt = place === lastBeginning ? last : (named ?? 1);
    }
    return { task_id: taskId, attempt, chunk };
  });
}
