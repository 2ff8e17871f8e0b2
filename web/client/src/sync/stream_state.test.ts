import { expect, test } from "vitest";
import type { Chunk } from "../protocol/types.ts";
import { applyChunk, type ChunkOutcome, initialStream, type StreamState } from "./stream_state.ts";

const text = (chunk_index: number, content: string): Chunk => ({
  chunk_index,
  chunk_type: "content",
  content,
});
const reset = (chunk_index: number, reason = "worker_lost"): Chunk => ({
  chunk_index,
  chunk_type: "reset",
  attempt: null,
  reason,
});
const done = (chunk_index: number): Chunk => ({
  chunk_index,
  chunk_type: "done",
  status: "completed",
  finish_reason: "stop",
  message_id: "m",
  usage: null,
  ttft_ms: null,
  latency_ms: null,
});

class Reader {
  state: StreamState = initialStream;

  take(attempt: number | null, chunk: Chunk, connection = "a"): ChunkOutcome {
    const before = structuredClone(this.state);
    const applied = applyChunk(this.state, { task_id: "t", attempt, chunk }, connection);
    if (applied.outcome === "old" || applied.outcome === "gap") expect(applied.state).toBe(this.state);
    expect(this.state).toEqual(before);
    this.state = applied.state;
    return applied.outcome;
  }

  get position(): string {
    const { position } = this.state;
    return position === null ? "" : `${position.attempt}-${position.index}`;
  }
}

test("the next chunk is taken, an older one is not, one further is a gap", () => {
  const reader = new Reader();
  expect(reader.take(1, text(0, "Hel"))).toBe("applied");
  expect(reader.take(1, text(0, "Hel"))).toBe("old");
  expect(reader.take(1, text(2, "!"))).toBe("gap");
  expect(reader.take(1, text(1, "lo"))).toBe("applied");
  expect(reader.take(1, done(2))).toBe("ended");
  expect(reader.state.content).toBe("Hello");
  expect(reader.position).toBe("1-2");
});

test("who has nothing begins with index 0", () => {
  const reader = new Reader();
  expect(reader.take(1, text(1, "lo"))).toBe("gap");
  expect(reader.take(2, text(3, "lo"))).toBe("gap");
  expect(reader.take(2, reset(0))).toBe("reset");
  expect(reader.state.attempt).toBe(2);
});

test("a newer attempt voids the text, an older one is over", () => {
  const reader = new Reader();
  reader.take(1, text(0, "Hel"));
  expect(reader.take(2, text(1, "x"))).toBe("gap");
  expect(reader.take(2, reset(0))).toBe("reset");
  expect(reader.state).toMatchObject({ content: "", restart: "worker_lost", voids: 1, attempt: 2 });
  expect(reader.take(1, text(1, "lo"))).toBe("old");
  expect(reader.take(2, text(1, "Good"))).toBe("applied");
  expect(reader.state.content).toBe("Good");
});

test("a reset within an attempt is a chunk like others", () => {
  const reader = new Reader();
  reader.take(1, text(0, "Hel"));
  expect(reader.take(1, reset(2))).toBe("gap");
  expect(reader.take(1, reset(1, "provider_failed"))).toBe("reset");
  expect(reader.position).toBe("1-1");
});

test("a stored text: reset, text outside the log, and the end right behind it", () => {
  const reader = new Reader();
  reader.take(1, text(0, "Hel"));
  expect(reader.take(null, reset(-1, "resumed_from_store"))).toBe("reset");
  expect(reader.position).toBe("0-0");
  expect(reader.take(null, text(-1, "Good "))).toBe("applied");
  expect(reader.take(null, text(-1, "day"))).toBe("applied");
  expect(reader.position).toBe("0-0");
  expect(reader.take(2, done(7))).toBe("ended");
  expect(reader.position).toBe("2-7");
  expect(reader.state).toMatchObject({ content: "Good day", restart: null, attempt: 2 });
});

test("the end behind half a stored text is only right on the same connection", () => {
  const reader = new Reader();
  reader.take(null, reset(-1), "a");
  reader.take(null, text(-1, "Good "), "a");
  expect(reader.take(2, done(7), "b")).toBe("gap");
  expect(reader.take(null, text(-1, "day"), "b")).toBe("gap");
  expect(reader.take(null, reset(-1), "b")).toBe("reset");
  expect(reader.state.content).toBe("");
});

test("the log from its start voids half a stored text of another connection", () => {
  const reader = new Reader();
  reader.take(null, reset(-1), "a");
  reader.take(null, text(-1, "Good "), "a");
  expect(reader.take(1, text(0, "Good"), "b")).toBe("applied");
  expect(reader.take(1, text(1, " day"), "b")).toBe("applied");
  expect(reader.state).toMatchObject({ content: "Good day", voids: 2 });
});

test("an end at index 0 does not end half a stored text of another connection", () => {
  const reader = new Reader();
  reader.take(null, reset(-1), "a");
  reader.take(null, text(-1, "Good "), "a");
  expect(reader.take(1, done(0), "b")).toBe("gap");
});

test("text outside the log without its reset is a gap", () => {
  const reader = new Reader();
  expect(reader.take(null, text(-1, "day"))).toBe("gap");
  reader.take(null, reset(-1));
  reader.take(1, text(0, "Hel"));
  expect(reader.take(null, text(-1, "day"))).toBe("gap");
});

test("a position that was unknown: reset, then the log from its start", () => {
  const reader = new Reader();
  for (const index of [0, 1, 2]) reader.take(1, text(index, "x"));
  expect(reader.take(null, reset(-1, "position_unknown"))).toBe("reset");
  expect(reader.take(1, text(0, "a"))).toBe("applied");
  expect(reader.take(1, done(2))).toBe("gap");
  expect(reader.state.content).toBe("a");
});

test("nothing follows the end", () => {
  const reader = new Reader();
  reader.take(1, text(0, "a"));
  reader.take(1, done(1));
  expect(reader.take(1, text(2, "b"))).toBe("old");
  expect(reader.take(2, reset(0))).toBe("old");
  expect(reader.take(null, reset(-1))).toBe("old");
  expect(reader.state.content).toBe("a");
});

test("reasoning is kept apart", () => {
  const reader = new Reader();
  reader.take(1, { chunk_index: 0, chunk_type: "reasoning", content: "hm" });
  reader.take(1, text(1, "a"));
  expect(reader.state).toMatchObject({ reasoning: "hm", content: "a" });
});
