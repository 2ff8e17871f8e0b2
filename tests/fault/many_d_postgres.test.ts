// D1 and D3: PostgreSQL restarts, loses connections, stands still, is locked and has no connection left, while two workers write
// answers and two API processes tell of them. It costs nothing but time: no attempt is lost, and a post is taken or refused
// with a 503, which a good client repeats.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness } from "../system/support/process.ts";
import { psql } from "../system/support/servers.ts";
import { type Ensemble, longerWish, withEnsemble } from "./support/ensemble.ts";
import type { Posted } from "./support/recorder.ts";
import { type Chance, isLong, row, type Tally } from "./support/rows.ts";
import { Crowd, restless } from "./support/stage.ts";
import { background } from "./support/stand.ts";

/** Answers that are under way while `harm` is done to the database, and posts that come meanwhile. */
function postgresRow(
  id: string, name: string, times: { quick: number; long: number }, seconds: number,
  harm: (play: Ensemble, chance: Chance) => Promise<string | void>, args: string[] = [],
): void {
  row(id, name, times, async (repeat, chance, tally) => {
    await withEnsemble(`${id} ${name}`, tally, { args }, async (play) => {
      const { recorder } = play;
      for (let n = 0; n < repeat; n++) {
        const crowd = new Crowd();
        const posted = await play.postMany(10, () => longerWish(chance, seconds));
        for (const [k, one] of posted.entries()) crowd.add(play.followAll(`reader ${n}.${k}`, one, { readers: 3, cutAfter: restless(chance) }));
        await play.underWay(posted);
        await sleep(chance.between(0, 500));
        const later: Posted[] = [];
        const asking = background(Promise.all([0, 1, 2, 3].map(async (k) => {
          await sleep(chance.between(0, 1_500));
          const one = await recorder.post(`meanwhile ${n}.${k}`, longerWish(chance, 1), 60_000 * slowness);
          later.push(one);
          await play.followAll(`meanwhile ${n}.${k}`, one, { readers: 2, cutAfter: restless(chance) });
        })));
        const remark = await harm(play, chance);
        if (remark) tally.remarks.push(remark);
        recorder.healed();
        await Promise.all([crowd.all(), asking]);
        await play.judgeUnnoticed([...posted, ...later], tally, `time ${n}`);
        tally.repetitions++;
        tally.faults++;
        tally.answers += posted.length + later.length;
      }
      const slow = recorder.records.replies.filter((one) => one.call === "post" && one.at - one.sentAt > 25_000 * slowness);
      if (slow.length > 0) tally.violations.push(`${slow.length} posts hung, one for ${slow[0]!.at - slow[0]!.sentAt} ms`);
      tally.remarks.push(`${recorder.refusals} posts were refused and then taken; the longest wait for a reply was ${longestWait(play)} ms`);
      tally.blame(await play.verdict(), "at the end");
    });
  });
}

function longestWait(play: Ensemble): number {
  return Math.max(...play.recorder.records.replies.map((one) => one.at - one.sentAt));
}

for (const [how, signal] of [["fast", "SIGINT"], ["immediate", "SIGQUIT"]] as const) {
  postgresRow("D1", `PostgreSQL restarts, ${how}`, { quick: 1, long: 20 }, 4, async (play, chance) => {
    await play.postgres.end(signal);
    await sleep(chance.between(0, 2_000));
    await play.postgres.start();
  });
}

postgresRow("D1", "connections to PostgreSQL are ended, over and over", { quick: 1, long: 25 }, 4, async (play, chance) => {
  for (let more = 12; more > 0; more--) {
    play.postgres.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'throughline%' AND random() < 0.7");
    await sleep(chance.between(0, 300));
  }
});

postgresRow("D3", "PostgreSQL stands still under load", { quick: 1, long: 5 }, 6, async (play) => {
  play.postgres.signalAll("SIGSTOP");
  await sleep(isLong ? 20_000 : 7_000).finally(() => play.postgres.signalAll("SIGCONT"));
});

postgresRow("D3", "the tables are locked", { quick: 1, long: 10 }, 4, async (play, chance) => {
  await psql(play.cluster.shared.database, `BEGIN; LOCK TABLE throughline.tasks, throughline.messages, throughline.workers IN ACCESS EXCLUSIVE MODE;
    SELECT pg_sleep(${chance.between(2, isLong ? 9 : 4)}); COMMIT`);
});

postgresRow("D3", "somebody else locks rows in another order: deadlocks", { quick: 1, long: 15 }, 4, async (play, chance) => {
  const url = play.cluster.shared.database;
  const some = (table: string) => `SELECT count(*) FROM (SELECT 1 FROM throughline.${table} ORDER BY id DESC LIMIT 8 FOR UPDATE) x`;
  const before = await deadlocks(url);
  const until = performance.now() + 3_000;
  // Whose transaction a deadlock ends is left to PostgreSQL: often enough it is the other one.
  await Promise.all([0, 1, 2].map(async () => {
    while (performance.now() < until) {
      await psql(url, `BEGIN; SET LOCAL deadlock_timeout = '2s'; ${some("messages")}; SELECT pg_sleep(0.${chance.between(1, 4)}); ${some("tasks")}; COMMIT`).catch(() => {});
    }
  }));
  return `${(await deadlocks(url)) - before} deadlocks`;
});

async function deadlocks(url: string): Promise<number> {
  return Number(await psql(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"));
}

postgresRow("D3", "two connections for each process", { quick: 1, long: 10 }, 2, async (play, chance) => {
  // Each question is a transaction; more of them come at once than there are connections.
  const more = await play.postMany(40, () => ({ tokens: 3, pace_ms: chance.between(0, 5) }), "crowd");
  await Promise.all(more.map((one, k) => play.followAll(`crowd ${k}`, one)));
}, ["--database-connections", "2"]);
