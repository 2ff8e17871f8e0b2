// Bugs that other systems of this kind had, each as a test that it is not here. docs/invariants.md says which of the others are
// shown elsewhere.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { type Model, startModel, wish } from "../system/support/model.ts";
import { slowness, until } from "../system/support/process.ts";
import { databaseOf } from "./support/database.ts";
import { startRawModel } from "./support/raw_model.ts";
import { Recorder } from "./support/recorder.ts";
import { row } from "./support/rows.ts";

let model: Model;
let engine: Engine;
beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});
const patience = 60_000 * slowness;

row("B1", "attached at any moment around the first chunk: the first tokens are not lost", { quick: 40, long: 1000 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => engine.somewhere(), model);
  const jobs = Array.from({ length: repeat }, (_, n) => n);
  await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
      const posted = await recorder.post(`asker ${lane}`, { tokens: 10, pace_ms: 1, first_ms: chance.between(0, 12) });
      await Promise.all(Array.from({ length: 5 }, async (_, i) => {
        await sleep(chance.next() * 16);
        await recorder.follow(`reader ${job}-${i}`, posted.task, { patience });
      }));
      tally.answers++;
      tally.faults += 5;
      tally.repetitions++;
    }
  }));
  const first = new Map(recorder.records.seen.toReversed().map((one) => [one.client, one.id]));
  expect([...new Set(first.values())]).toEqual(["1-0"]);
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
});

row("B4", "two turns in one conversation: the second is seen whole by who watched the first, and by who did not", { quick: 6, long: 200 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => engine.somewhere(), model);
  for (let n = 0; n < repeat; n++) {
    const conversation = await engine.conversation();
    const turn = async (tokens: number) => {
      const modelKey = recorder.freshKey();
      const content = wish({ key: modelKey, vary: true, tokens, pace_ms: 3 });
      const reply = await engine.post(conversation.id, content);
      recorder.records.replies.push({
        at: Date.now(), sentAt: Date.now(), client: "asker", call: "post", status: 202, content, modelKey, task: reply.task_id, message: reply.message_id,
      });
      return reply;
    };
    const chat = (message: string) => ({ patience, path: `/chat/stream/${conversation.id}?message_id=${message}` });
    // A long first turn and a short second one: a sequence number that lived on would swallow the second.
    const one = await turn(60);
    const watching = recorder.follow(`early ${n}`, one.task_id, chat(one.message_id));
    if (n % 2 === 0) await watching;
    const two = await turn(chance.between(1, 20));
    const both = [
      recorder.follow(`early ${n}`, two.task_id, chat(two.message_id)),
      recorder.follow(`plain ${n}`, two.task_id, { patience }),
    ];
    await Promise.all([watching, ...both]);
    await recorder.follow(`late ${n}`, two.task_id, chat(two.message_id));
    tally.answers += 2;
    tally.faults++;
    tally.repetitions++;
  }
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
});

row("B5", "readers that join while text comes: what is replayed is not sent again live, and nothing falls between", { quick: 4, long: 100 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => engine.somewhere(), model);
  for (let n = 0; n < repeat; n++) {
    const posted = await recorder.post("asker", { tokens: 400, pace_ms: 1, reasoning: 20 });
    await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      await sleep(chance.next() * 450);
      await recorder.follow(`reader ${n}-${i}`, posted.task, { patience, cutAfter: () => chance.between(1, 200) });
    }));
    tally.answers++;
    tally.faults += 40;
    tally.repetitions++;
  }
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
});

row("B6", "a late reader of an answer that nobody watched gets all of it from its first chunk", { quick: 3, long: 50 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => engine.somewhere(), model);
  for (let n = 0; n < repeat; n++) {
    const posted = await recorder.post("asker", { tokens: 600, pace_ms: 1 });
    const least = chance.between(100, 500);
    await until("many chunks", async () => (await engine.task(posted.task)).chunk_count > least, 60_000);
    await recorder.follow(`during ${n}`, posted.task, { patience });
    const unseen = await recorder.post("asker", { tokens: 600, pace_ms: 0 });
    await until("its end", async () => (await engine.task(unseen.task)).state === "succeeded", 60_000);
    await recorder.follow(`after ${n}`, unseen.task, { patience });
    tally.answers += 2;
    tally.faults += 2;
    tally.repetitions++;
  }
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
});

row("B10", "reloads in the middle: each time the text from before the reload as well", { quick: 4, long: 100 }, async (repeat, chance, tally) => {
  const recorder = new Recorder(() => engine.somewhere(), model);
  await Promise.all(Array.from({ length: repeat }, async (_, n) => {
    const posted = await recorder.post(`asker ${n}`, { tokens: 250, pace_ms: 4 });
    for (let reload = 0; reload < 10; reload++) {
      const gone = AbortSignal.timeout(chance.between(10, 90));
      await recorder.follow(`page ${n}-${reload}`, posted.task, { patience, signal: gone });
      tally.faults++;
    }
    await recorder.follow(`page ${n}-last`, posted.task, { patience });
    // The other way back: the status call, which a page asks before it attaches.
    const status = await engine.expect(200, "GET", `/chat/status/${posted.conversation}/${posted.message}`);
    expect(status).toMatchObject({ status: "completed", content: (await model.last(posted.modelKey)).sent_text });
    tally.answers++;
    tally.repetitions++;
  }));
  recorder.healed();
  tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
});

row("B11", "and B12: after a crash and a model that is gone: every answer ends, with all text that was saved and no hole in it", { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    const raw = await startRawModel();
    let server = await startEngine({ model: raw.base, args: ["--failures-max", "2"] });
    try {
      const recorder = new Recorder(() => server.somewhere(), raw);
      raw.script("then gone", async (to) => {
        if (to.attempt > 1) {
          await to.head({ "Transfer-Encoding": "", "Content-Length": "2" }, to.attempt % 2 ? "503 Service Unavailable" : "401 Unauthorized");
          await to.bytes("{}");
          to.record.finished = true;
          return;
        }
        await to.head();
        for (let i = 0; i < 2000 && !to.socket.destroyed; i++) {
          await to.text(`${i} grün `);
          await to.pause(5);
        }
      });
      const posted = await Promise.all(Array.from({ length: 8 }, (_, i) => recorder.post(`asker ${i}`, { script: "then gone" } as object)));
      // Text is saved about once a second.
      await until("some text is saved", async () => (await databaseOf(server).snapshot()).tasks.every((task) => task.saved > 200), 30_000);
      await sleep(chance.between(0, 900));
      await server.stop("SIGKILL");
      const saved = new Map((await databaseOf(server).snapshot()).tasks.map((task) => [task.id, task.saved]));
      server = await server.restart();
      await Promise.all(posted.map((one, i) => recorder.follow(`reader ${i}`, one.task, { patience })));
      for (const one of posted) {
        const message = await server.message(one.conversation, one.message);
        expect(message).toMatchObject({ status: "error", error: { code: "provider_unauthorized" } });
        expect(message.content.length).toBe(saved.get(one.task));
        expect((await raw.requests(one.modelKey))[0]!.sent_text.startsWith(message.content)).toBe(true);
        expect((await server.task(one.task)).state).toBe("failed");
      }
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(server)), `in repetition ${n}`);
      tally.answers += posted.length;
      tally.faults++;
      tally.repetitions++;
    } finally {
      await server.dispose();
      await raw.stop();
    }
  }
});
