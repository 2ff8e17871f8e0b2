// C4 to C7: posts that come twice or whose reply is lost, positions that make no sense, and readers that come at the last moment
// or too late.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { freshKey, type Model, startModel, wish } from "../system/support/model.ts";
import { slowness, until } from "../system/support/process.ts";
import { readToEnd, Transcript } from "../system/support/stream.ts";
import { Fronts } from "./support/chaos.ts";
import { databaseOf } from "./support/database.ts";
import { Recorder } from "./support/recorder.ts";
import { row } from "./support/rows.ts";

let model: Model;
let engine: Engine;
/** Forgets the chunks of an answer a moment after its end. */
let forgetful: Engine;
beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base });
  forgetful = await startEngine({ model: model.base, args: ["--chunk-ttl", "1s"] });
});
afterAll(async () => {
  await engine?.dispose();
  await forgetful?.dispose();
  await model?.stop();
});

row("C4", "the same key, with the same body and with another, one after the other and at once", { quick: 15, long: 500 }, async (repeat, chance, tally) => {
  const conversation = await engine.conversation();
  const path = `/conversations/${conversation.id}/messages`;
  await Promise.all(Array.from({ length: 3 }, async (_, lane) => {
    for (let n = lane; n < repeat; n += 3) {
      const key = freshKey();
      const headers = { "Idempotency-Key": randomUUID() };
      const mine = { content: wish({ key, tokens: 3, pace_ms: 0 }) };
      const other = { content: wish({ key, tokens: 4, pace_ms: 0 }) };
      // Whoever is first wins: its body is the one that the key stands for.
      const posts = Array.from({ length: 10 }, () => (chance.between(0, 3) === 0 ? other : mine));
      const replies = await Promise.all(posts.map(async (body) => ({ body, reply: await engine.call("POST", path, body, headers) })));
      const winner = replies.find(({ reply }) => reply.status === 202)!;
      for (const { body, reply } of replies) {
        if (body === winner.body) expect(reply).toMatchObject({ status: 202, body: winner.reply.body });
        else expect(reply).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
      }
      await readToEnd(engine.somewhere, winner.reply.body.task_id, { patience: 60_000 });
      // After the end as well, and for the other body too.
      expect(await engine.call("POST", path, winner.body, headers)).toMatchObject({ status: 202, body: winner.reply.body });
      expect((await engine.call("POST", path, winner.body === mine ? other : mine, headers)).status).toBe(422);
      expect((await model.requests(key)).length).toBe(1);
      tally.faults += 11;
      tally.answers++;
      tally.repetitions++;
    }
  }));
  const page = await engine.expect<{ data: unknown[] }>(200, "GET", `/conversations/${conversation.id}/messages?limit=200`);
  expect(page.data.length).toBe(Math.min(200, 2 * repeat));
});

row("C5", "a reply that is lost after the commit: the same key gives the same task", { quick: 40, long: 1000 }, async (repeat, chance, tally) => {
  const chaos = await Fronts.before(engine.urls);
  const recorder = new Recorder(chaos.somewhere, model);
  try {
    const jobs = Array.from({ length: repeat }, (_, n) => n);
    await Promise.all(Array.from({ length: 4 }, async (_, client) => {
      for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
        // The whole reply, a part of it, or already a part of the request is lost; sometimes nothing is.
        const rules = ["down.cut_after_bytes=0", "down.cut_after_bytes=1..700", "up.cut_after_bytes=1..700", ""][job % 4]!;
        await chaos.set(rules === "" ? "" : `${rules} rst=${chance.between(0, 1)} split_bytes=${job % 8 === 0 ? 1 : 0}`);
        const posting = recorder.post(`client ${client}`, { tokens: 5, pace_ms: 0 }, 60_000 * slowness);
        // It goes on like that until at least one try has failed or the post is through.
        await Promise.race([posting, until("a failure", () => recorder.records.replies.filter((one) => one.status === null).length > repeat - jobs.length)]);
        await chaos.set();
        const posted = await posting;
        await recorder.follow(`client ${client}`, posted.task, { where: engine.somewhere, patience: 60_000 * slowness });
        tally.answers++;
        tally.repetitions++;
      }
    }));
    tally.faults += recorder.records.replies.filter((one) => one.status === null).length;
    expect(tally.faults).toBeGreaterThan(repeat / 4);
    recorder.healed();
    tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
  } finally {
    await chaos.stop();
  }
});

const positions = [
  "1-4294967295", "1-99999", "2-0", "9-9", "0-0", "0-1", "-1-5", "1--5", "1-", "-", "1", "", " ", "garbage", "1-1-1", "1-99999999999999999999999",
  "01-1", "1-01", "1e3-1", "+1-1", "١-١", "null", "../../etc/passwd", "'; DROP TABLE tasks; --", "%00", "x".repeat(4000),
  `${randomUUID()}:1-1`,
];

row("C6", "positions that make no sense get the whole answer, running, ended and forgotten", { quick: 1, long: 30 }, async (repeat, _, tally) => {
  for (let n = 0; n < repeat; n++) {
    const key = freshKey();
    const running = await engine.ask(wish({ key, tokens: 60, pace_ms: 10 }));
    const ended = await engine.ask(wish({ key: freshKey(), tokens: 20, pace_ms: 0, seed: 1 }));
    const forgotten = await forgetful.ask(wish({ key: freshKey(), tokens: 20, pace_ms: 0, seed: 1 }));
    const text = (await readToEnd(engine.somewhere, ended.task_id)).content;
    await readToEnd(forgetful.somewhere, forgotten.task_id);
    await until("the chunks are forgotten", async () => {
      const seen = await readToEnd(forgetful.somewhere, forgotten.task_id);
      return seen.position === undefined || seen.resets.length > 0 || (await readAll(forgetful, forgotten.task_id)).includes('"chunk_index":-1');
    }, 20_000);
    const targets: [string, Engine, string, (() => Promise<string>)][] = [
      ["running", engine, running.task_id, async () => (await model.last(key)).sent_text],
      ["ended", engine, ended.task_id, async () => text],
      ["forgotten", forgetful, forgotten.task_id, async () => text],
    ];
    await Promise.all(targets.flatMap(([name, where, task, expected]) => positions.map(async (position) => {
      const transcript = new Transcript();
      const isHeader = /^[\x20-\x7e\t]*$/.test(position);
      const path = isHeader ? `/stream/${task}` : `/stream/${task}?after=${encodeURIComponent(position)}`;
      if (isHeader) transcript.position = position;
      await readToEnd(where.url, task, { transcript, path, patience: 60_000 });
      expect(transcript.content, `${name} from ${JSON.stringify(position.slice(0, 40))}`).toBe(await expected());
      expect(transcript.terminal).toMatchObject({ status: "completed" });
      tally.faults++;
    })));
    // A position of an answer whose chunks are forgotten: a reset and all of it; the terminal one: nothing more.
    const partly = Object.assign(new Transcript(), { position: "1-3", attempt: 1, index: 3 });
    await readToEnd(forgetful.somewhere, forgotten.task_id, { transcript: partly });
    expect(partly.resets.length).toBe(1);
    expect(partly.content).toBe(text);
    const last = await fetch(`${forgetful.url}/stream/${forgotten.task_id}`, { headers: { "Last-Event-ID": partly.position } });
    expect(last.status).toBe(204);
    tally.answers += 3;
    tally.repetitions++;
  }
});

async function readAll(from: Engine, task: string): Promise<string> {
  return (await fetch(`${from.url}/stream/${task}?after=1-1`)).text();
}

row("C7", "readers that come in the last moment, after the end, and when the chunks are forgotten", { quick: 60, long: 3000 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => forgetful.somewhere(), model);
  const jobs = Array.from({ length: repeat }, (_, n) => n);
  let late = 0;
  await Promise.all(Array.from({ length: 6 }, async (_, lane) => {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
      const posted = await recorder.post(`asker ${lane}`, { tokens: 6, pace_ms: 2 });
      // The answer takes some 15 ms: readers come all around its end.
      const coming = Array.from({ length: 6 }, async (_, i) => {
        await sleep(chance.next() * 30);
        await recorder.follow(`reader ${lane}-${job}-${i}`, posted.task, { patience: 60_000 * slowness });
      });
      await Promise.all(coming);
      // Some come when the log has lived for its time, or just then.
      if (job % 6 === 0) {
        await sleep(chance.between(900, 1400));
        await recorder.follow(`late ${lane}-${job}`, posted.task, { patience: 60_000 * slowness });
        late++;
      }
      tally.answers++;
      tally.faults += 6;
      tally.repetitions++;
    }
  }));
  tally.remarks.push(`${late} readers came when the chunks were about to be forgotten`);
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(forgetful)), "at the end");
});
