// P5: death at exactly the moments that matter for an answer: before its end is committed, between the commit and the terminal
// chunk, around the commit of a post, and between claim and start. Needs a build with fault points.
import { row } from "./support/rows.ts";
import { Crowd, faultBinary, restless, someWish, withStage } from "./support/stage.ts";

const moments = [
  "kill -9 at submit.before_commit",
  "kill -9 at submit.after_commit",
  "kill -9 at claim.before_open",
  "kill -9 at finish.before_commit",
  "kill -9 at finish.after_commit",
  "kill -9 at commit.before",
  "kill -9 at commit.after",
];

for (const moment of moments) {
  const point = moment.replace("kill -9 at ", "");
  row("P5", moment, { quick: 1, long: 25 }, async (repeat, chance, tally) => {
    for (let n = 0; n < repeat; n++) {
      // The first commits are those of the start.
      const nth = point.startsWith("commit") ? chance.between(8, 16) : chance.between(1, 5);
      await withStage({ binary: faultBinary, env: { THROUGHLINE_FAULT: `${point}:${nth}` } }, async (stage) => {
        // At least as many as it takes to pass the point; each in a conversation of its own, all at once.
        const crowd = new Crowd();
        for (let k = 0; k < 6; k++) {
          crowd.add(stage.answer(`client ${k}`, someWish(chance), { readers: 2, cutAfter: restless(chance) }));
        }
        const died = await stage.death();
        if (died !== "SIGKILL" || !stage.engine.running.output().includes(`fault point ${point}\n`)) {
          throw new Error(`it did not die at ${point} but: ${died}\n${stage.engine.running.output()}`);
        }
        await stage.start({ env: {} });
        stage.recorder.healed();
        await stage.snapshot();
        await crowd.all();
        tally.repetitions++;
        tally.faults++;
        tally.answers += crowd.size;
        tally.blame(await stage.verdict(), `at ${point}:${nth}`);
      });
    }
  });
}
