// P6: SIGTERM with open streams, again and again under load, as in a rolling deployment. /readyz says 503 before anything ends,
// streams are told when to come back and end cleanly, what was posted is answered, and no failure is counted.
import { setTimeout as sleep } from "node:timers/promises";
import { judgePosts, judgeStreams, watchReadiness } from "./support/goodbye.ts";
import { row } from "./support/rows.ts";
import { Crowd, restless, someWish, withStage } from "./support/stage.ts";

row("P6", "SIGTERM with open streams, over and over", { quick: 4, long: 100 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    const { recorder } = stage;
    const crowd = new Crowd();
    let clients = 0;
    let goodbyes = 0;
    let warnings = 0; // times that /readyz was heard to say 503; a process with nothing to do is gone before it can be asked
    for (let n = 0; n < repeat; n++) {
      const grace = chance.of([0, 100, 400, 1500]);
      if (n > 0) await stage.start({ args: ["--shutdown-grace", `${grace}ms`] });
      const from = recorder.records.connections.length;
      for (let more = chance.between(4, 8); more > 0; more--) {
        const client = `client ${++clients}`;
        const delay = chance.between(0, 500);
        const what = { ...someWish(chance), tokens: chance.between(5, 150) };
        const cutAfter = restless(chance);
        crowd.add(sleep(delay).then(() => stage.answer(client, what, { readers: 2, cutAfter })));
      }
      await sleep(chance.between(50, 500));
      const { ended } = stage.engine.running;
      const readiness = watchReadiness(stage.engine.url, ended);
      const code = await stage.engine.stop("SIGTERM");
      if (code !== 0) tally.violations.push(`the exit status is ${code}\n${stage.engine.running.output().slice(-2000)}`);
      const said = await readiness;
      if (said.some((one) => one.status === 503)) warnings++;
      goodbyes += judgeStreams(recorder.records, recorder.records.connections.slice(from), said, tally);
      tally.repetitions++;
      tally.faults++;
    }
    await stage.start();
    recorder.healed();
    await crowd.all();
    tally.answers = clients;
    tally.blame(await stage.verdict(), "after all restarts");
    const repeated = judgePosts(recorder.records, tally);
    if (warnings < repeat / 4) tally.violations.push(`/readyz said 503 in ${warnings} of ${repeat} restarts`);
    const failures = recorder.records.snapshots.at(-1)!.tasks.filter((task) => task.failures > 0).length;
    if (failures > 0) tally.violations.push(`${failures} answers count a failure`);
    tally.remarks.push(`${repeated}; ${goodbyes} streams were told when to come back`);
  });
});
