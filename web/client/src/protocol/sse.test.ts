import fc from "fast-check";
import { expect, test } from "vitest";
import { readSse, type SseItem } from "./sse.ts";

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function read(stream: ReadableStream<Uint8Array>, longest?: number): Promise<SseItem[]> {
  const all: SseItem[] = [];
  for await (const items of readSse(stream, longest)) all.push(...items);
  return all;
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("events, ids, retry and comments", async () => {
  const text =
    "retry: 1000\n\n: keep-alive\n\nid: 1-42\ndata: {}\n\nevent: change\nid: 7\ndata: a\ndata: b\n\n";
  expect(await read(streamOf([bytes(text)]))).toEqual([
    { kind: "retry", milliseconds: 1000 },
    { kind: "comment" },
    { kind: "event", event: "message", id: "1-42", data: "{}" },
    { kind: "event", event: "change", id: "7", data: "a\nb" },
  ]);
});

test("an event without an id has none, whatever came before", async () => {
  const items = await read(streamOf([bytes("id: 1-1\ndata: a\n\ndata: b\n\n")]));
  expect(items.map((item) => item.kind === "event" && item.id)).toEqual(["1-1", null]);
});

test("an unfinished event is dropped", async () => {
  expect(await read(streamOf([bytes("data: a\n\ndata: b\n")]))).toHaveLength(1);
});

test("too long an event is an error, however it arrives", async () => {
  const line = bytes(`data: ${"x".repeat(900)}`);
  await expect(read(streamOf([line, line]), 1000)).rejects.toThrow("too long");
  const lines = bytes(`data: ${"x".repeat(90)}\n`);
  await expect(read(streamOf(Array(12).fill(lines)), 1000)).rejects.toThrow("too long");
  expect(await read(streamOf([bytes(`data: ${"x".repeat(900)}\n\n`)]), 1000)).toHaveLength(1);
});

test("leaving early cancels the stream", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes("data: a\n\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const _ of readSse(stream)) break;
  expect(cancelled).toBe(true);
});

test("the same items wherever the bytes are cut", async () => {
  const line = fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.replaceAll(/[\r\n\0]/g, "漢"));
  const event = fc.record({ id: fc.option(fc.nat(99)), data: line });
  const property = fc.asyncProperty(
    fc.array(event, { maxLength: 6 }),
    fc.constantFrom("\n", "\r\n"),
    fc.array(fc.nat(40)),
    async (events, end, cuts) => {
      const written = events.map(
        ({ id, data }) => `${id === null ? "" : `id: ${id}${end}`}data: ${data}${end}${end}: k${end}${end}`,
      );
      const all = bytes(written.join(""));
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(all.slice(at, at + cut));
        at += cut;
      }
      pieces.push(all.slice(at));
      const items = await read(streamOf(pieces));
      const told = items.flatMap((item) => (item.kind === "event" ? [[item.id, item.data]] : []));
      const expected = events.map(({ id, data }) => [id === null ? null : String(id), toWellFormed(data)]);
      expect(told).toEqual(expected);
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

/** What is left of a text that was bytes on the way. */
const toWellFormed = (text: string) => new TextDecoder().decode(bytes(text));
