import { expect, test } from "vitest";
import { decodeChunkPage } from "./chunk_page.ts";
import { decodeChanges, decodeChunkEvent, decodeConversation } from "./decode.ts";

const conversation = {
  id: "c",
  title: "A boat",
  model: null,
  system_prompt: null,
  pinned: false,
  created_at: "2026-03-14T09:26:53.589Z",
  updated_at: "2026-03-14T09:26:53.589Z",
  message_count: 2,
  active_task_ids: ["t"],
  rev: 7,
};

test("members nobody knows are left behind", () => {
  expect(decodeConversation({ ...conversation, mood: "calm" }, "it")).toEqual(conversation);
});

test("a snippet that is null is none", () => {
  expect(decodeConversation({ ...conversation, snippet: null }, "it")).toEqual(conversation);
});

test("what is wrong is named with its place", () => {
  const changes = { conversations: [conversation, { ...conversation, rev: "7" }], messages: [], tasks: [] };
  expect(() => decodeChanges(changes, "change")).toThrow("change.conversations[1].rev is not a number");
  expect(() => decodeChanges({ ...changes, tasks: undefined }, "change")).toThrow("conversations[1]");
  expect(() => decodeConversation(null, "it")).toThrow("it is not an object");
});

test("deleted objects are only their id", () => {
  const changes = { conversations: [{ id: "c", deleted: true, more: 1 }], messages: [], tasks: [] };
  expect(decodeChanges(changes, "change").conversations).toEqual([{ id: "c", deleted: true }]);
});

test("chunks of the log and outside of it", () => {
  const chunk = { chunk_index: 3, chunk_type: "content", content: "Hel" };
  expect(decodeChunkEvent({ task_id: "t", attempt: 1, chunk }, "chunk")).toEqual({
    task_id: "t",
    attempt: 1,
    chunk,
  });
  expect(decodeChunkEvent({ task_id: "t", attempt: null, chunk }, "chunk").attempt).toBeNull();
  const unknown = { chunk_index: 3, chunk_type: "song" };
  expect(() => decodeChunkEvent({ task_id: "t", attempt: 1, chunk: unknown }, "chunk")).toThrow(
    "chunk.chunk.chunk_type is not one of",
  );
});

const text = (chunk_index: number) => ({ chunk_index, chunk_type: "content", content: "x" });
const reset = (chunk_index: number, attempt: number | null) => ({
  chunk_index,
  chunk_type: "reset",
  attempt,
  reason: "worker_lost",
});

test.each([
  ["within an attempt", "1-4", [text(5), text(6)], "1-6", [1, 1]],
  ["from the start of a first attempt", "", [text(0), text(1)], "1-1", [1, 1]],
  ["from the start of a later attempt", "", [reset(0, 3), text(1)], "3-1", [3, 3]],
  ["across attempts", "1-4", [text(5), reset(0, 2), text(1), reset(0, 3)], "3-0", [1, 2, 2, 3]],
  ["a stored text and its end", "1-4", [reset(-1, null), text(-1), text(9)], "2-9", [null, null, 2]],
  ["only the end", "2-8", [text(9)], "2-9", [2]],
  ["from 0-0", "0-0", [reset(-1, null), text(0)], "1-0", [null, 1]],
])("the attempts of a page: %s", (_, from, chunks, position, attempts) => {
  const [attempt, index] = from.split("-");
  const asked = from === "" ? null : { attempt: Number(attempt), index: Number(index) };
  const page = decodeChunkPage("t", asked)({ chunks, position, ended: false }, "page");
  expect(page.chunks.map((event) => event.attempt)).toEqual(attempts);
});
