// P6: SIGTERM with open streams, again and again under load, as in a rolling deployment. /readyz says 503 before anything ends,
// streams are told when to come back and end cleanly, what was posted is answered, and no failure is counted.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness } from "../system/support/process.ts";
import type { Records } from "./support/records.ts";
import { row, type Tally } from "./support/rows.ts";
import { Crowd, restless, someWish, type Stage, withStage } from "./support/stage.ts";

/** Asks /readyz until the process is gone; what it said, in order. */
async function watchReadiness(stage: Stage, until: Promise<unknown>): Promise<{ at: number; status: number }[]> {
  let gone = false;
  void until.then(() => (gone = true));
  const said: { at: number; status: number }[] = [];
  while (!gone) {
    const reply = await fetch(`${stage.engine.url}/readyz`, { signal: AbortSignal.timeout(2_000 * slowness) }).catch(() => undefined);
    if (reply) {
      said.push({ at: Date.now(), status: reply.status });
      await reply.body?.cancel();
    }
    await sleep(5);
  }
  return said;
}

/** Streams that were open when the signal came, or were opened while the process went down. */
function judgeStreams(records: Records, from: number, signalAt: number, notReadyAt: number | undefined, tally: Tally): number {
  let told = 0;
  for (const connection of records.connections.slice(from)) {
    if (connection.status !== 200 || connection.end === "left") continue;
    const seen = records.seen.filter((event) => event.connection === connection.number);
    const hasEnded = seen.some((event) => event.type === "done" || event.type === "error");
    if (hasEnded) continue;
    if (connection.end === "broken") tally.violations.push(`the stream of ${connection.client} broke instead of ending`);
    // Every stream begins with `retry: 1000`; a goodbye has a pause of its own, so that not all come back at once.
    if (connection.retry === null || connection.retry < 1000 || connection.retry > 5000) {
      tally.violations.push(`the stream of ${connection.client} ended with retry ${connection.retry}`);
    }
    if (connection.retry !== 1000) told++;
  }
  if (told > 0 && notReadyAt === undefined) tally.violations.push("streams ended and /readyz never said 503");
  if (notReadyAt !== undefined && notReadyAt < signalAt) tally.violations.push("/readyz said 503 before the signal");
  return told;
}

row("P6", "SIGTERM with open streams, over and over", { quick: 4, long: 100 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    const { recorder } = stage;
    const crowd = new Crowd();
    let clients = 0;
    let goodbyes = 0;
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
      const signalAt = Date.now();
      const code = await stage.engine.stop("SIGTERM");
      if (code !== 0) tally.violations.push(`the exit status is ${code}\n${stage.engine.running.output().slice(-2000)}`);
      const notReadyAt = (await readiness).find((one) => one.status === 503)?.at;
      goodbyes += judgeStreams(recorder.records, from, signalAt, notReadyAt, tally);
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
    const failures = recorder.records.snapshots.at(-1)!.tasks.filter((task) => task.failures > 0).length;
    if (failures > 0) tally.violations.push(`${failures} answers count a failure`);
    tally.remarks.push(
      `${posts.filter((one) => one.status === 503).length} posts were told to come back and then taken, ` +
        `${posts.filter((one) => one.status === null).length} found nobody and were repeated; ` +
        `${goodbyes} streams were told when to come back`,
    );
  });
});
