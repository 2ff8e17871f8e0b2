// P6: SIGTERM with open streams, again and again under load, as in a rolling deployment. /readyz says 503 before anything ends,
// streams are told when to come back and end cleanly, what was posted is answered, and no failure is counted.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness } from "../system/support/process.ts";
import type { Records } from "./support/records.ts";
import { row, type Tally } from "./support/rows.ts";
import { Crowd, restless, someWish, type Stage, withStage } from "./support/stage.ts";

interface Said {
  askedAt: number;
  status: number;
}

/** Asks /readyz until the process is gone; what it said, in order. */
async function watchReadiness(stage: Stage, until: Promise<unknown>): Promise<Said[]> {
  let gone = false;
  void until.then(() => (gone = true));
  const said: Said[] = [];
  while (!gone) {
    const askedAt = Date.now();
    const reply = await fetch(`${stage.engine.url}/readyz`, { signal: AbortSignal.timeout(2_000 * slowness) }).catch(() => undefined);
    if (reply) {
      said.push({ askedAt, status: reply.status });
      await reply.body?.cancel();
    }
    await sleep(2);
  }
  return said;
}

/** Streams that were open when the signal came, or were opened while the process went down; how many were told to come back. */
function judgeStreams(records: Records, from: number, said: Said[], tally: Tally): number {
  const ended = new Set(
    records.seen.filter((event) => event.type === "done" || event.type === "error").map((event) => event.connection),
  );
  let told = 0;
  let goodbyeAt = Infinity;
  for (const connection of records.connections.slice(from)) {
    if (connection.status !== 200 || connection.end === "left" || ended.has(connection.number)) continue;
    if (connection.end === "broken") tally.violations.push(`the stream of ${connection.client} broke instead of ending`);
    // Every stream begins with `retry: 1000`; a goodbye has a pause of its own, so that not all come back at once.
    if (connection.retry === null || connection.retry < 1000 || connection.retry > 5000) {
      tally.violations.push(`the stream of ${connection.client} ended with retry ${connection.retry}`);
    }
    if (connection.retry !== 1000) told++;
    goodbyeAt = Math.min(goodbyeAt, connection.endedAt!);
  }
  if (said.some((one) => one.askedAt > goodbyeAt && one.status === 200)) {
    tally.violations.push("/readyz said 200 after a stream had been told to come back");
  }
  return told;
}

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
      const readiness = watchReadiness(stage, ended);
      const code = await stage.engine.stop("SIGTERM");
      if (code !== 0) tally.violations.push(`the exit status is ${code}\n${stage.engine.running.output().slice(-2000)}`);
      const said = await readiness;
      if (said.some((one) => one.status === 503)) warnings++;
      goodbyes += judgeStreams(recorder.records, from, said, tally);
      tally.repetitions++;
      tally.faults++;
    }
    await stage.start();
    recorder.healed();
    await crowd.all();
    tally.answers = clients;
    tally.blame(await stage.verdict(), "after all restarts");
    const posts = recorder.records.replies.filter((reply) => reply.call === "post");
    for (const reply of posts) {
      if (reply.status === 503 && !reply.retryAfter) tally.violations.push("a 503 without Retry-After");
    }
    if (warnings < repeat / 4) tally.violations.push(`/readyz said 503 in ${warnings} of ${repeat} restarts`);
    const failures = recorder.records.snapshots.at(-1)!.tasks.filter((task) => task.failures > 0).length;
    if (failures > 0) tally.violations.push(`${failures} answers count a failure`);
    tally.remarks.push(
      `${posts.filter((one) => one.status === 503).length} posts were told to come back and then taken, ` +
        `${posts.filter((one) => one.status === null).length} found nobody and were repeated; ` +
        `${goodbyes} streams were told when to come back`,
    );
  });
});
