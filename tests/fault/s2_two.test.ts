// S2: two processes on one database file. One gets it; the other says in plain words who has it, and changes nothing.
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { row } from "./support/rows.ts";
import { someWish, withStage } from "./support/stage.ts";

row("S2", "processes that race for one database", { quick: 2, long: 40 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    const dataDir = mkdtempSync(join(tmpdir(), "throughline-"));
    const link = `${dataDir}-link`;
    symlinkSync(dataDir, link);
    const racers = chance.between(2, 4);
    const starts = Array.from({ length: racers }, (_, k) => startEngine({ dataDir: k === 1 ? link : dataDir }));
    const outcomes = await Promise.allSettled(starts);
    const winners = outcomes.filter((one) => one.status === "fulfilled").map((one) => (one as PromiseFulfilledResult<Engine>).value);
    try {
      if (winners.length !== 1) tally.violations.push(`${winners.length} of ${racers} processes got the database`);
      // Between taking the lock and writing its number down the winner has no name yet.
      for (const one of outcomes) {
        if (one.status === "rejected" && !/is in use by (process \d+|another process)/.test(String(one.reason))) {
          tally.violations.push(`a loser did not say why: ${one.reason}`);
        }
      }
    } finally {
      for (const winner of winners) await winner.stop("SIGKILL");
      rmSync(link);
      rmSync(dataDir, { recursive: true, force: true });
    }
    tally.repetitions++;
    tally.faults += racers - 1;
  }
});

row("S2", "a second process while the first one answers", { quick: 2, long: 20 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    for (let n = 0; n < repeat; n++) {
      const answers = Array.from({ length: 5 }, (_, k) => stage.answer(`client ${n}.${k}`, someWish(chance), { readers: 2 }));
      const second = await startEngine({ dataDir: stage.engine.dataDir }).then(
        async (other) => {
          await other.stop("SIGKILL");
          return "it started";
        },
        (error: Error) => error.message,
      );
      if (!second.includes(`is in use by process ${stage.engine.pid}`)) tally.violations.push(`the second one: ${second}`);
      await Promise.all(answers);
      tally.repetitions++;
      tally.faults++;
      tally.answers += answers.length;
    }
    stage.recorder.healed();
    tally.blame(await stage.verdict(), "with a second process knocking");
  });
});
