// P2: kill -9 of the one process, at any moment, under load. What was accepted is answered after the restart, as a new attempt
// that begins with a reset; what was finished is as it was; the file is sound; and the next process is ready at once.
import { setTimeout as sleep } from "node:timers/promises";
import { row } from "./support/rows.ts";
import { Crowd, restless, someWish, type Stage, withStage } from "./support/stage.ts";

/** A long answer that its reader stops, as often as it takes. */
async function stopOne(stage: Stage, client: string): Promise<void> {
  const posted = await stage.recorder.post(client, { tokens: 400, pace_ms: 5 });
  const following = stage.followAll(client, posted);
  for (;;) {
    const state = await stage.recorder.cancel(client, posted.task);
    if (state !== undefined && state !== "cancelling") break;
    await sleep(20);
  }
  await following;
}

row("P2", "kill -9 of the whole program under load", { quick: 6, long: 200 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    const { recorder } = stage;
    const crowd = new Crowd();
    let client = 0;
    for (let n = 0; n < repeat; n++) {
      for (let more = chance.between(3, 6); more > 0; more--) {
        const what = someWish(chance);
        crowd.add(stage.answer(`client ${++client}`, what, { readers: chance.between(1, 2), cutAfter: restless(chance) }));
      }
      if (chance.next() < 0.3) crowd.add(stopOne(stage, `client ${++client}`));
      await sleep(chance.between(0, 700));
      await stage.restart();
      await stage.snapshot();
      tally.repetitions++;
      tally.faults++;
    }
    recorder.healed();
    await crowd.all();
    tally.answers = client;
    tally.blame(await stage.verdict(), "after all kills");
    const starts = stage.starts.toSorted((a, b) => a - b);
    const attempts = recorder.records.snapshots.at(-1)!.tasks.filter((task) => task.attempt > 1).length;
    tally.remarks.push(
      `ready again after ${starts[starts.length >> 1]!.toFixed(0)} ms (median), ${starts.at(-1)!.toFixed(0)} ms (most); ` +
        `${attempts} answers were begun again`,
    );
  });
});
