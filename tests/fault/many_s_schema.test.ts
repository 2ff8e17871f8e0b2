// S3 across processes: the next version and back to this one, process by process, with answers running; for a while both versions
// work on one database. A test build can have one migration more than this version (s3_schema.test.ts).
import { setTimeout as sleep } from "node:timers/promises";
import type { Otherwise } from "../system/support/cluster.ts";
import { psql } from "../system/support/servers.ts";
import { type Ensemble, longerWish, withEnsemble } from "./support/ensemble.ts";
import { type Chance, row } from "./support/rows.ts";
import { Crowd, faultBinary, restless } from "./support/stage.ts";

const older: Otherwise = {};
const compatible: Otherwise = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "compatible" } };
const incompatible: Otherwise = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "incompatible" } };

async function newestSchema(play: Ensemble): Promise<number> {
  return Number(await psql(play.cluster.shared.database, "SELECT max(version) FROM throughline.schema_migrations"));
}

/** Answers, as long as it goes on. */
function load(play: Ensemble, chance: Chance, crowd: Crowd): () => Promise<void> {
  let isOver = false;
  const asking = (async () => {
    for (let k = 0; !isOver; k++) {
      crowd.add(play.answer(`client ${k}`, longerWish(chance, 2), { readers: 2, cutAfter: restless(chance) }));
      await sleep(chance.between(50, 200));
    }
  })();
  return async () => {
    isOver = true;
    await asking;
    await crowd.all();
  };
}

async function replace(play: Ensemble, role: "api" | "worker", n: number, signal: NodeJS.Signals, by: Otherwise): Promise<void> {
  const { cluster } = play;
  const otherwise = { ...by, args: ["--shutdown-grace", "200ms"] };
  await (role === "api" ? cluster.apis[n]!.running : cluster.workers[n]!).end(signal);
  if (role === "api") await cluster.startApi(n, otherwise);
  else await cluster.startWorker(n, otherwise);
}

row("S3", "across processes: up to a compatible schema and down again, one process after the other", { quick: 2, long: 30 }, async (repeat, chance, tally) => {
  await withEnsemble("S3", tally, { args: ["--failures-max", "100"] }, async (play) => {
    const before = await newestSchema(play);
    const crowd = new Crowd();
    const rest = load(play, chance, crowd);
    for (let n = 0; n < repeat; n++) {
      const parts = (["api", "worker"] as const).flatMap((role) => [0, 1].map((k) => ({ role, k, at: chance.next() }))).sort((a, b) => a.at - b.at);
      for (const { role, k } of parts) {
        await replace(play, role, k, chance.of(["SIGKILL", "SIGTERM"] as const), n % 2 === 0 ? compatible : older);
        await sleep(chance.between(0, 400));
        tally.faults++;
      }
      await play.snapshot();
      tally.repetitions++;
    }
    play.recorder.healed();
    await rest();
    if ((await newestSchema(play)) !== before + 1) tally.violations.push("the newer version did not apply its migration");
    tally.answers += crowd.size;
    tally.blame(await play.verdict(), "after going up and down");
  });
});

row("S3", "across processes: an older program refuses a schema that it cannot use, and the newer ones go on", { quick: 1, long: 8 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    await withEnsemble("S3 refusal", tally, { args: ["--failures-max", "100"] }, async (play) => {
      const before = await newestSchema(play);
      const crowd = new Crowd();
      const rest = load(play, chance, crowd);
      await replace(play, "worker", 0, "SIGKILL", incompatible);
      const words = `was written by a newer version (schema ${before + 1}, this binary knows ${before})`;
      for (const role of ["api", "worker"] as const) {
        const why = await replace(play, role, 1, "SIGKILL", older).then(() => "it started", (error: Error) => error.message);
        if (!why.includes(words)) tally.violations.push(`an older ${role}: ${why}`);
        await replace(play, role, 1, "SIGKILL", incompatible);
        tally.faults++;
      }
      await replace(play, "api", 0, "SIGTERM", incompatible);
      play.recorder.healed();
      await rest();
      tally.repetitions++;
      tally.answers += crowd.size;
      tally.blame(await play.verdict(), "after a refusal");
    });
  }
});
