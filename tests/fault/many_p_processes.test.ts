// P1 to P6 over two API processes and two workers: each of them is killed, halted and stopped, at any moment, under load.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness, until } from "../system/support/process.ts";
import { type Ensemble, longerWish, withEnsemble } from "./support/ensemble.ts";
import { judgePosts, judgeStreams, watchReadiness } from "./support/goodbye.ts";
import { isLong, row, type Tally } from "./support/rows.ts";
import { Crowd, deathOf, faultBinary, restless } from "./support/stage.ts";

/** The end of a repetition: all clients have seen the end, and the checker has looked. */
async function judge(play: Ensemble, crowd: Crowd, tally: Tally, when: string): Promise<void> {
  play.recorder.healed();
  await crowd.all();
  tally.blame(await play.verdict(), when);
}

row("P1", "kill -9 of an API process with its readers: they go on at the other one", { quick: 2, long: 40 }, async (repeat, chance, tally) => {
  await withEnsemble("P1", tally, {}, async (play) => {
    const readers = isLong ? 20 : 5;
    for (let n = 0; n < repeat; n++) {
      const posted = await play.postMany(10, () => longerWish(chance));
      const victim = n % 2;
      const crowd = new Crowd();
      for (const [k, one] of posted.entries()) {
        for (let r = 0; r < readers; r++) crowd.add(play.followAll(`reader ${n}.${k}.${r}`, one, { where: play.from(victim), cutAfter: restless(chance) }));
      }
      await play.underWay(posted);
      await sleep(chance.between(0, 1000));
      await play.cluster.apis[victim]!.stop("SIGKILL");
      await sleep(chance.between(0, 500));
      await play.cluster.startApi(victim);
      await crowd.all();
      await play.judgeUnnoticed(posted, tally, `kill ${n}`);
      tally.repetitions++;
      tally.faults++;
      tally.answers += posted.length;
    }
    await judge(play, new Crowd(), tally, "after all kills");
  });
});

row("P2", "kill -9 of every process at once, and of Redis: what was accepted is answered", { quick: 2, long: 40 }, async (repeat, chance, tally) => {
  await withEnsemble("P2", tally, { args: ["--failures-max", "100"] }, async (play) => {
    const { cluster } = play;
    const crowd = new Crowd();
    for (let n = 0; n < repeat; n++) {
      for (let k = 0; k < 8; k++) {
        crowd.add(sleep(chance.between(0, 800)).then(() => play.answer(`client ${n}.${k}`, longerWish(chance, 2), { readers: 2, cutAfter: restless(chance) })));
      }
      await sleep(chance.between(100, 1500));
      await Promise.all([...cluster.apis.map((api) => api.stop("SIGKILL")), ...cluster.workers.map((one) => one.end("SIGKILL")), play.redis.end("SIGKILL")]);
      await play.snapshot();
      await play.redis.start();
      await Promise.all([0, 1].flatMap((k) => [cluster.startApi(k), cluster.startWorker(k)]));
      tally.repetitions++;
      tally.faults++;
    }
    tally.answers += crowd.size;
    await judge(play, crowd, tally, "after all kills");
  });
});

row("P3", "kill -9 of a worker: the other one takes its answers over", { quick: 2, long: 40 }, async (repeat, chance, tally) => {
  await withEnsemble("P3", tally, { args: ["--failures-max", "100"] }, async (play) => {
    const { cluster, recorder } = play;
    const waits: number[] = [];
    for (let n = 0; n < repeat; n++) {
      const crowd = new Crowd();
      const posted = await play.postMany(12, () => longerWish(chance, 8));
      for (const [k, one] of posted.entries()) crowd.add(play.followAll(`reader ${n}.${k}`, one, { readers: 2, cutAfter: restless(chance) }));
      await play.underWay(posted, 1);
      const victim = await until("a heartbeat that tells of them", () => cluster.busiestWorker().catch(() => undefined));
      await sleep(chance.between(0, 1000));
      const killed = Date.now();
      await cluster.workers[victim]!.end("SIGKILL");
      await crowd.all();
      await cluster.startWorker(victim);
      // How long the readers of what was lost had to wait for the next attempt.
      const resets = recorder.records.seen.filter((event) => event.type === "reset" && event.at > killed);
      if (resets.length === 0) tally.violations.push("a worker was killed and nobody lost anything: the test does not test");
      const most = Math.max(...resets.map((one) => one.at - killed));
      waits.push(most);
      if (most > 6_000 * slowness) tally.violations.push(`kill ${n}: the other worker took over after ${most} ms`);
      await play.judgeWhole(posted, tally, `kill ${n}`, 2);
      tally.repetitions++;
      tally.faults++;
      tally.answers += posted.length;
    }
    tally.remarks.push(`the last answer was begun again ${Math.max(...waits)} ms after the kill at most, ${waits.toSorted((a, b) => a - b)[waits.length >> 1]} in the median`);
    await judge(play, new Crowd(), tally, "after all kills");
  });
});

row("P4", "a worker is halted for longer than its lease and comes back: it writes nothing any more", { quick: 1, long: 15 }, async (repeat, chance, tally) => {
  await withEnsemble("P4", tally, { args: ["--failures-max", "100"] }, async (play) => {
    const { cluster } = play;
    for (let n = 0; n < repeat; n++) {
      const crowd = new Crowd();
      // They outlast the halt, so that two workers have the same answer in hand when the halted one comes back.
      const posted = await play.postMany(10, () => longerWish(chance, 9));
      for (const [k, one] of posted.entries()) crowd.add(play.followAll(`reader ${n}.${k}`, one, { readers: 2, cutAfter: restless(chance) }));
      await play.underWay(posted);
      const victim = await until("a heartbeat that tells of them", () => cluster.busiestWorker().catch(() => undefined));
      cluster.workers[victim]!.child.kill("SIGSTOP");
      await sleep(isLong && n === 0 ? 30_000 : chance.between(5_500, 8_000));
      cluster.workers[victim]!.child.kill("SIGCONT");
      await crowd.all();
      await play.judgeWhole(posted, tally, `halt ${n}`, 2);
      tally.repetitions++;
      tally.faults++;
      tally.answers += posted.length;
    }
    await judge(play, new Crowd(), tally, "after all halts");
  });
});

const moments = [
  "kill -9 at submit.before_commit", "kill -9 at submit.after_commit", "kill -9 at claim.before_open", "kill -9 at finish.before_commit",
  "kill -9 at finish.after_commit", "kill -9 at commit.before", "kill -9 at commit.after",
];
for (const moment of moments) {
  const point = moment.replace("kill -9 at ", "");
  row("P5", `across processes: ${moment}`, { quick: 1, long: 20 }, async (repeat, chance, tally) => {
    const isApi = point.startsWith("submit");
    await withEnsemble(`P5-${point}`, tally, { args: ["--failures-max", "100"] }, async (play) => {
      const { cluster } = play;
      for (let n = 0; n < repeat; n++) {
        // The first commits are those of the start.
        const nth = point.startsWith("commit") ? chance.between(4, 16) : chance.between(1, 4);
        const armed = { binary: faultBinary, env: { THROUGHLINE_FAULT: `${point}:${nth}` } };
        if (isApi) {
          await cluster.apis[0]!.stop("SIGKILL");
          await cluster.startApi(0, armed);
        } else {
          await cluster.workers[0]!.end("SIGKILL");
          await cluster.startWorker(0, armed);
        }
        const victim = isApi ? cluster.apis[0]!.running : cluster.workers[0]!;
        let isDead = false;
        void victim.ended.then(() => (isDead = true));
        const crowd = new Crowd();
        // As many as it takes: who gets an answer to write is left to chance.
        for (let k = 0; !isDead && k < 60; k++) {
          crowd.add(play.answer(`client ${n}.${k}`, longerWish(chance, 1), { readers: 2, cutAfter: restless(chance) }));
          await sleep(100);
        }
        const died = await deathOf(victim);
        if (died !== "SIGKILL" || !victim.output().includes(`fault point ${point}\n`)) throw new Error(`it did not die at ${point} but: ${died}\n${victim.output()}`);
        play.recorder.healed();
        await play.snapshot();
        if (isApi) await cluster.startApi(0);
        else await cluster.startWorker(0);
        await crowd.all();
        tally.repetitions++;
        tally.faults++;
        tally.answers += crowd.size;
      }
      await judge(play, new Crowd(), tally, `at ${point}`);
    });
  });
}

row("P6", "every process is restarted, one after the other, under load", { quick: 1, long: 25 }, async (repeat, chance, tally) => {
  await withEnsemble("P6", tally, {}, async (play) => {
    const { cluster, recorder } = play;
    const crowd = new Crowd();
    let isOver = false;
    const load = (async () => {
      for (let k = 0; !isOver; k++) {
        crowd.add(play.answer(`client ${k}`, longerWish(chance, 2), { readers: 2, cutAfter: restless(chance) }));
        await sleep(chance.between(50, 200));
      }
    })();
    let goodbyes = 0;
    for (let n = 0; n < repeat; n++) {
      for (const [role, k] of [["api", 0], ["worker", 0], ["api", 1], ["worker", 1]] as const) {
        const grace = ["--shutdown-grace", `${chance.of([0, 100, 400, 1500, 5000])}ms`];
        await sleep(chance.between(200, 800));
        const running = role === "api" ? cluster.apis[k]!.running : cluster.workers[k]!;
        const url = role === "api" ? cluster.apis[k]!.url : undefined;
        const from = Date.now();
        const here = () => recorder.records.connections.filter((one) => one.server === url && (one.end === null || one.endedAt! >= from));
        const watching = url === undefined ? undefined : watchReadiness(url, running.ended);
        const code = await running.end("SIGTERM");
        if (code !== 0) tally.violations.push(`the exit status of the ${role} is ${code}\n${running.output().slice(-2000)}`);
        if (watching) {
          const said = await watching;
          await until("all streams of a process that has gone have ended", () => here().every((one) => one.end !== null));
          goodbyes += judgeStreams(recorder.records, here(), said, tally);
        }
        if (role === "api") await cluster.startApi(k, { args: grace });
        else await cluster.startWorker(k, { args: grace });
        tally.faults++;
      }
      tally.repetitions++;
    }
    isOver = true;
    await load;
    tally.answers += crowd.size;
    await judge(play, crowd, tally, "after all restarts");
    const failures = recorder.records.snapshots.at(-1)!.tasks.filter((task) => task.failures > 0).length;
    if (failures > 0) tally.violations.push(`${failures} answers count a failure`);
    tally.remarks.push(`${judgePosts(recorder.records, tally)}; ${goodbyes} streams were told when to come back`);
  });
});
