// D5: the disk refuses to sync. After that the kernel may have thrown away what it could not write and call the next sync a
// success (what PostgreSQL learned in 2018), so nothing that follows could be trusted: the process ends, and says why. What was
// answered before is there after the restart.
import { setTimeout as sleep } from "node:timers/promises";
import { FailingDisk } from "./support/disk.ts";
import { row } from "./support/rows.ts";
import { Crowd, restless, someWish, withStage } from "./support/stage.ts";

row("D5", "a sync that the disk refuses, at any moment", { quick: 3, long: 60 }, async (repeat, chance, tally) => {
  for (let n = 0; n < repeat; n++) {
    const disk = new FailingDisk();
    try {
      await withStage({ env: disk.env }, async (stage) => {
        const crowd = new Crowd();
        for (let k = 0; k < 8; k++) {
          const what = someWish(chance);
          const cutAfter = restless(chance);
          crowd.add(sleep(chance.between(0, 400)).then(() => stage.answer(`client ${k}`, what, { readers: 2, cutAfter })));
        }
        await sleep(chance.between(0, 500));
        disk.fail("fsync EIO once");
        tally.faults++;
        // Whatever has ended by now: this one is to be stored.
        crowd.add(stage.answer("client late", someWish(chance), { readers: 2 }));
        const ended = await stage.death();
        const output = stage.engine.running.output();
        const failures = output.match(/^disk: fsync fails$/gm)?.length ?? 0;
        if (ended !== 1) tally.violations.push(`it ended with ${ended} after ${failures} failed syncs: ${output.slice(-1500)}`);
        if (!/the disk refused to sync the database/.test(output)) tally.violations.push(`it does not say why: ${output.slice(-1500)}`);
        disk.mend();
        await stage.restart();
        stage.recorder.healed();
        await crowd.all();
        tally.repetitions++;
        tally.answers += crowd.size;
        tally.blame(await stage.verdict(), "after a failed sync");
      });
    } finally {
      disk.dispose();
    }
  }
});
