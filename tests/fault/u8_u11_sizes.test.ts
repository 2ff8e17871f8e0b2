// U8, U10, U11: too much, too slow, or something else altogether.
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { startEngine } from "../system/support/engine.ts";
import { slowness } from "../system/support/process.ts";
import { freshKey, type Model, startModel, wish, type Wish } from "../system/support/model.ts";
import { readToEnd, SseReader } from "../system/support/stream.ts";
import { memoryOf, peakMemoryOf } from "./support/process_facts.ts";
import { delta, finish } from "./support/raw_model.ts";
import { row } from "./support/rows.ts";
import { useStand } from "./support/stand.ts";

const MiB = 1048576;
const stand = useStand({
  args: [
    "--failures-max", "1", "--keep-alive", "200ms", "--first-byte-timeout", `${1500 * slowness}ms`, "--idle-timeout", `${1500 * slowness}ms`,
    "--total-timeout", `${5 * slowness}s`,
  ],
});

row("U8", "a million tokens, a delta of a megabyte, a hundred thousand deltas of a byte: memory stays bounded", { quick: 1, long: 10 }, async (repeat, _, tally) => {
  const model: Model = await startModel();
  const logMiB = 64;
  // Finished answers stay in the log up to its limit, whose size is not what is looked at.
  const engine = await startEngine({ model: model.base, args: ["--chunk-log-bytes-max", `${logMiB}MiB`] });
  // The checker compares texts event by event, which is too much work for so many events; a transcript checks the numbers.
  const ask = async (what: Wish) => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, ...what }));
    const seen = await readToEnd(engine.somewhere, posted.task_id, { patience: 110_000 });
    const message = await engine.message(posted.conversation_id, posted.message_id);
    const sent = (await model.last(key)).sent_text;
    expect(message.content).toBe(seen.content);
    tally.answers++;
    return { seen, message, sent };
  };
  try {
    await ask({ tokens: 100, pace_ms: 0 });
    const memory = memoryOf(engine.pid);
    for (let n = 0; n < repeat; n++) {
      const delta = await ask({ tokens: 2, huge_delta_bytes: 1_000_000 });
      expect(delta.seen.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
      expect(delta.seen.content).toBe(delta.sent);
      expect(Buffer.byteLength(delta.sent)).toBeGreaterThan(1_000_000);
      const bytes = await ask({ text: "0123456789".repeat(10_000), token_bytes: 1, pace_ms: 0 });
      expect(bytes.seen.content).toBe("0123456789".repeat(10_000));
      // The limits of an answer, 4 MiB of text and 200,000 chunks: it ends as "length" and the request is closed.
      const million = await ask({ tokens: 1_000_000, pace_ms: 0 });
      expect(million.message).toMatchObject({ status: "completed", finish_reason: "length" });
      expect(Buffer.byteLength(million.seen.content)).toBeLessThanOrEqual(4 * MiB);
      expect(million.seen.content.length).toBeGreaterThan(1 * MiB);
      expect(million.sent.startsWith(million.seen.content.slice(0, 1 * MiB))).toBe(true);
      tally.faults += 3;
      tally.repetitions++;
    }
    const peak = peakMemoryOf(engine.pid) - memory;
    tally.remarks.push(`memory grew by ${Math.round(peak / MiB)} MiB at most`);
    if (slowness === 1) expect(peak).toBeLessThan((logMiB + 150) * MiB);
  } finally {
    await engine.dispose();
    await model.stop();
  }
});

row("U10", "a slow drip: comments to the reader, and a deadline for the whole", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const recorder = stand.recorder();
  const time = (ms: number) => (ms * slowness % 1000 === 0 ? `${(ms * slowness) / 1000} s` : `${ms * slowness} ms`);
  const spaced = (words: string) => words.replace(/(\d)(m?s)\b/, "$1 $2");
  for (let n = 0; n < repeat; n++) {
    await Promise.all([
      (async () => {
        // One byte at a time, without end: not a stall, so only the deadline of the whole ends it.
        const seen = await stand.ask(recorder, async (to) => {
          await to.head();
          await to.text("drop ");
          to.says("by drop ".repeat(10_000));
          for (const byte of Buffer.from(delta("by drop ").repeat(10_000))) {
            if (to.socket.destroyed) return;
            await to.chunk(Uint8Array.of(byte));
            await to.pause(20);
          }
        }, "drip");
        expect(seen.end.type).toBe("error");
        expect(seen.message.error!.code).toBe("provider_timeout");
        expect(spaced(seen.message.error!.message)).toContain(time(5000));
        expect(seen.text.startsWith("drop ")).toBe(true);
      })(),
      (async () => {
        // A head that drips is no head: bytes of it do not put the deadline off.
        const seen = await stand.ask(recorder, async (to) => {
          for (const byte of Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Padding: ${"x".repeat(5000)}`)) {
            if (to.socket.destroyed) return;
            await to.bytes(Uint8Array.of(byte));
            await to.pause(50);
          }
        }, "head");
        expect(seen.message.error!.code).toBe("provider_timeout");
        expect(spaced(seen.message.error!.message)).toContain(time(1500));
      })(),
      (async () => {
        // Comments of the model keep it alive, and the reader hears comments of ours.
        const name = `kept alive ${n}`;
        stand.model.script(name, async (to) => {
          await to.head();
          for (let i = 0; i < 8; i++) {
            await to.chunk(": thinking\n\n");
            await to.pause(300);
          }
          await to.text("after all");
          await to.whole();
        });
        const posted = await recorder.post("kept", { script: name } as object);
        const reply = await fetch(`${stand.engine.url}/stream/${posted.task}`);
        const reader = new SseReader();
        const decoder = new TextDecoder();
        let text = "";
        for await (const piece of reply.body!) {
          for (const event of reader.feed(decoder.decode(piece, { stream: true }))) text += JSON.parse(event.data).content;
        }
        expect(text).toBe("after all");
        expect(reader.comments).toBeGreaterThanOrEqual(3);
      })(),
    ]);
    tally.answers += 3;
    tally.faults += 3;
    tally.repetitions++;
  }
  await stand.judge(recorder, tally, "at the end");
});

row("U11", "a redirect, a page, a gzip bomb and a wrong type are refused in plain words", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const recorder = stand.recorder();
  let visits = 0;
  const elsewhere = createServer((socket) => {
    visits++;
    socket.destroy();
  });
  elsewhere.listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/v1/chat/completions`;
  const bomb = gzipSync(Buffer.concat([Buffer.from(`${delta("so far")}data: `), Buffer.alloc(300 * MiB, "x")]), { level: 9 });
  const comments = gzipSync(Buffer.concat([Buffer.alloc(60 * MiB, ": x\n"), Buffer.from(delta("behind it all") + finish())]), { level: 9 });
  const page = "<!doctype html><title>Sign in</title>".padEnd(2000);
  try {
    for (let n = 0; n < repeat; n++) {
      const memory = memoryOf(stand.engine.pid);
      const refused = async (name: string, code: string, words: RegExp, head: Record<string, string>, body: string | Uint8Array, status = "200 OK") => {
        const seen = await stand.ask(recorder, async (to) => {
          await to.head(head, status);
          if (code === "provider_bad_response" && name.includes("bomb")) to.says("so far");
          if (body.length > 0) await to.chunk(body);
          await to.end();
        }, name);
        expect(seen.end.type, name).toBe("error");
        expect(seen.message.error, name).toMatchObject({ code });
        expect(seen.message.error!.message, name).toMatch(words);
        tally.answers++;
        tally.faults++;
        return seen;
      };
      for (const status of ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]) {
        await refused(`redirect ${status}`, "provider_refused", /redirect/, { Location: there }, "", status);
      }
      await refused("a page", "provider_bad_response", /text\/html/, { "Content-Type": "text/html; charset=utf-8" }, page);
      await refused("plain text", "provider_bad_response", /text\/plain/, { "Content-Type": "text/plain" }, "hello");
      await refused("a page under the type of JSON", "provider_bad_response", /./, { "Content-Type": "application/json" }, `{"not json`);
      const seen = await refused("a gzip bomb", "provider_bad_response", /too long/, { "Content-Encoding": "gzip" }, bomb);
      expect(seen.text).toBe("so far");
      await refused("broken gzip", "provider_bad_response", /./, { "Content-Encoding": "gzip" }, bomb.subarray(100, 200));
      await refused("an unknown encoding", "provider_bad_response", /./, { "Content-Encoding": "br" }, bomb.subarray(100, 200));
      const patient = await stand.ask(recorder, async (to) => {
        await to.head({ "Content-Encoding": "gzip" });
        to.says("behind it all");
        await to.chunk(comments);
        await to.end();
      }, "comments");
      expect(patient).toMatchObject({ text: "behind it all", end: { type: "done" } });
      const json = await stand.ask(recorder, async (to) => {
        const body = JSON.stringify({ choices: [{ message: { role: "assistant", content: "in one piece" }, finish_reason: "stop" }] });
        to.says("in one piece");
        await to.head({ "Content-Type": "application/json" });
        await to.chunk(body);
        await to.end();
      }, "no stream");
      expect(json).toMatchObject({ text: "in one piece", end: { type: "done" } });
      tally.answers += 2;
      tally.repetitions++;
      const grown = memoryOf(stand.engine.pid) - memory;
      if (slowness === 1) expect(grown).toBeLessThan(100 * MiB);
    }
    expect(visits).toBe(0);
    await stand.judge(recorder, tally, "at the end");
  } finally {
    elsewhere.close();
  }
});
