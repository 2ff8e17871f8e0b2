// S3: the next version, and back to this one, with answers running: of one process, and of many one after the other. A test build can have one migration more than this version
// ("compatible": the version before still runs; "incompatible": it does not).
import { setTimeout as sleep } from "node:timers/promises";
import { type Asked, Cluster } from "../system/support/cluster.ts";
import { type EngineOptions, startEngine } from "../system/support/engine.ts";
import { freshKey, startModel, wish } from "../system/support/model.ts";
import { until } from "../system/support/process.ts";
import type { Transcript } from "../system/support/stream.ts";
import { withDatabase } from "./support/database.ts";
import { row } from "./support/rows.ts";
import { binary, Crowd, faultBinary, restless, someWish, withStage } from "./support/stage.ts";

const older: EngineOptions = { binary, env: {} };
const compatible: EngineOptions = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "compatible" } };
const incompatible: EngineOptions = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "incompatible" } };

function newestSchema(dataDir: string): number {
  return withDatabase(dataDir, (db) => db.prepare("SELECT max(version) AS newest FROM schema_migrations").get()!["newest"] as number);
}

/** Why it does not start. */
async function refusal(options: EngineOptions): Promise<string> {
  try {
    const engine = await startEngine(options);
    await engine.stop("SIGKILL");
    return "it started";
  } catch (error) {
    return (error as Error).message;
  }
}

row("S3", "up to a compatible schema and down again, with answers running", { quick: 3, long: 60 }, async (repeat, chance, tally) => {
  await withStage(older, async (stage) => {
    const { recorder } = stage;
    const { dataDir } = stage.engine;
    const before = newestSchema(dataDir);
    const crowd = new Crowd();
    for (let n = 0; n < repeat; n++) {
      for (let k = 0; k < 4; k++) {
        const what = { ...someWish(chance), tokens: chance.between(20, 150) };
        crowd.add(stage.answer(`client ${n}.${k}`, what, { readers: 2, cutAfter: restless(chance) }));
      }
      await sleep(chance.between(50, 400));
      const next = n % 2 === 0 ? compatible : older;
      await stage.restart({ ...next, args: ["--shutdown-grace", "100ms"] }, chance.of(["SIGKILL", "SIGTERM"] as const));
      recorder.snapshot(dataDir, true);
      tally.repetitions++;
      tally.faults++;
    }
    recorder.healed();
    await crowd.all();
    if (newestSchema(dataDir) !== before + 1) tally.violations.push("the newer version did not apply its migration");
    tally.answers = crowd.size;
    tally.blame(await stage.verdict(), "after going up and down");
  });
});

row("S3", "an older program refuses a schema that it cannot use", { quick: 1, long: 10 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    await withStage(older, async (stage) => {
      const { dataDir } = stage.engine;
      const before = newestSchema(dataDir);
      const crowd = new Crowd();
      for (let k = 0; k < 4; k++) {
        crowd.add(stage.answer(`client ${k}`, { ...someWish(chance), tokens: 100 }, { readers: 2, cutAfter: restless(chance) }));
      }
      await sleep(chance.between(50, 400));
      await stage.restart(incompatible);
      await sleep(chance.between(0, 300));
      await stage.engine.stop("SIGKILL");
      stage.recorder.snapshot(dataDir, true);
      const words = `was written by a newer version (schema ${before + 1}, this binary knows ${before})`;
      for (const each of [binary, faultBinary]) {
        const why = await refusal({ binary: each, dataDir });
        if (!why.includes(words)) tally.violations.push(`the older one: ${why}`);
      }
      // Nothing was touched: the newer version goes on.
      await stage.start(incompatible);
      stage.recorder.healed();
      await crowd.all();
      tally.repetitions++;
      tally.faults += 2;
      tally.answers += crowd.size;
      tally.blame(await stage.verdict(), "after a refusal");
    });
  }
});

/** Posts until somebody accepts it, as a client with an Idempotency-Key does; whoever is on its way down may have accepted it too. */
async function askSomebody(cluster: Cluster, n: number): Promise<Asked> {
  const key = freshKey();
  let turn = n;
  const body = { content: wish({ key, tokens: 60, pace_ms: 20 }) };
  const accepted = await until("a post that is accepted", async () => {
    const api = cluster.apis[turn++ % 2]!;
    const reply = await api.call("POST", "/chat/messages", body, { "Idempotency-Key": key }).catch(() => undefined);
    return reply?.status === 202 && reply.body;
  });
  return { key, task: accepted.task_id, message: accepted.message_id, conversation: accepted.session_id };
}

row("S3", "many processes, one after the other, up to a compatible schema and down again, under load", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const model = await startModel();
  const cluster = await Cluster.begin({ model: model.base, args: ["--shutdown-grace", "1s"] });
  try {
    for (let n = 0; n < repeat; n++) {
      const asked: Asked[] = [];
      const seen: Promise<Transcript>[] = [];
      let isOver = false;
      const posting = (async () => {
        for (let k = 0; !isOver; k++) {
          const one = await askSomebody(cluster, k);
          asked.push(one);
          seen.push(cluster.read(one, k));
          await sleep(40);
        }
      })();
      posting.catch(() => {}); // told when it is awaited
      await until("some answers", () => asked.length > 10);
      for (const version of [{ binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "compatible" } }, {}]) {
        for (const k of [0, 1]) {
          const ended = [await cluster.apis[k]!.stop("SIGTERM")];
          await cluster.startApi(k, version);
          ended.push(await cluster.workers[k]!.end("SIGTERM"));
          await cluster.startWorker(k, version);
          if (ended.some((status) => status !== 0)) tally.violations.push(`a process ended with ${ended}`);
          tally.faults += 2;
        }
      }
      isOver = true;
      await posting;
      for (const [k, one] of asked.entries()) {
        const transcript = await seen[k]!;
        for (const what of await cluster.compare(one, transcript, model)) tally.violations.push(what);
        const task = await cluster.apis[0]!.task(one.task);
        if (task.state !== "succeeded" || task.failures > 0) tally.violations.push(`${task.state} after ${task.failures} failures`);
      }
      tally.answers += asked.length;
      tally.repetitions++;
    }
  } finally {
    await cluster.dispose();
    await model.stop();
  }
});
