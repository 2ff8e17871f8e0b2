// S3: the next version, and back to this one, with answers running. A test build can have one migration more than this version
// ("compatible": the version before still runs; "incompatible": it does not).
import { setTimeout as sleep } from "node:timers/promises";
import { type EngineOptions, startEngine } from "../system/support/engine.ts";
import { newestSchema } from "./support/database.ts";
import { row } from "./support/rows.ts";
import { binary, Crowd, faultBinary, restless, someWish, withStage } from "./support/stage.ts";

const older: EngineOptions = { binary, env: {} };
const compatible: EngineOptions = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "compatible" } };
const incompatible: EngineOptions = { binary: faultBinary, env: { THROUGHLINE_FAULT_SCHEMA: "incompatible" } };

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
    const before = await newestSchema(stage.engine);
    const crowd = new Crowd();
    for (let n = 0; n < repeat; n++) {
      for (let k = 0; k < 4; k++) {
        const what = { ...someWish(chance), tokens: chance.between(20, 150) };
        crowd.add(stage.answer(`client ${n}.${k}`, what, { readers: 2, cutAfter: restless(chance) }));
      }
      await sleep(chance.between(50, 400));
      const next = n % 2 === 0 ? compatible : older;
      await stage.restart({ ...next, args: ["--shutdown-grace", "100ms"] }, chance.of(["SIGKILL", "SIGTERM"] as const));
      await stage.snapshot();
      tally.repetitions++;
      tally.faults++;
    }
    recorder.healed();
    await crowd.all();
    if ((await newestSchema(stage.engine)) !== before + 1) tally.violations.push("the newer version did not apply its migration");
    tally.answers = crowd.size;
    tally.blame(await stage.verdict(), "after going up and down");
  });
});

row("S3", "an older program refuses a schema that it cannot use", { quick: 1, long: 10 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    await withStage(older, async (stage) => {
      const { dataDir } = stage.engine;
      const before = await newestSchema(stage.engine);
      const crowd = new Crowd();
      for (let k = 0; k < 4; k++) {
        crowd.add(stage.answer(`client ${k}`, { ...someWish(chance), tokens: 100 }, { readers: 2, cutAfter: restless(chance) }));
      }
      await sleep(chance.between(50, 400));
      await stage.restart(incompatible);
      await sleep(chance.between(0, 300));
      await stage.engine.stop("SIGKILL");
      await stage.snapshot();
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
