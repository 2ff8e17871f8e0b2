// R1 to R7: Redis is killed, away, halted, full, emptied, deaf and not ready, while two workers write answers and two API processes
// tell of them. Nobody who reads an answer sees any of it but a pause: no attempt is lost, nothing is begun anew.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness, until } from "../system/support/process.ts";
import { Redis } from "../system/support/servers.ts";
import { type Ensemble, longerWish, withEnsemble } from "./support/ensemble.ts";
import type { Posted } from "./support/recorder.ts";
import { type Chance, isLong, row, type Tally } from "./support/rows.ts";
import { Crowd, restless } from "./support/stage.ts";

/** Answers that are under way, with their readers. */
async function begin(play: Ensemble, chance: Chance, name: string, seconds: number): Promise<{ posted: Posted[]; crowd: Crowd }> {
  const posted = await play.postMany(10, () => longerWish(chance, seconds));
  const crowd = new Crowd();
  for (const [k, one] of posted.entries()) crowd.add(play.followAll(`reader ${name}.${k}`, one, { readers: 3, cutAfter: restless(chance) }));
  await play.underWay(posted);
  await sleep(chance.between(0, 500));
  return { posted, crowd };
}

/** No request waits for a Redis that is not there; and what is asked for meanwhile is answered. */
async function askMeanwhile(play: Ensemble, chance: Chance, name: string, posted: Posted[], crowd: Crowd, tally: Tally): Promise<void> {
  for (const k of [0, 1, 2]) {
    const began = performance.now();
    const one = await play.recorder.post(`asker ${name}.${k}`, longerWish(chance, 1));
    const took = performance.now() - began;
    if (took > 3_000 * slowness) tally.violations.push(`${name}: a post took ${took.toFixed(0)} ms`);
    posted.push(one);
    crowd.add(play.followAll(`meanwhile ${name}.${k}`, one, { readers: 2, cutAfter: restless(chance) }));
  }
}

/** A row whose harm did none would prove nothing. */
function mustHave(redis: Redis, section: string, pattern: RegExp): void {
  const info = redis.cli("INFO", section);
  if (!pattern.test(info)) throw new Error(`Redis says nothing of ${pattern}: ${info}`);
}

/** Every repetition of these rows: answers are under way, `harm` is done to Redis and undone, and nobody has noticed. */
function redisRow(
  id: string, name: string, times: { quick: number; long: number }, seconds: number,
  harm: (play: Ensemble, chance: Chance, meanwhile: () => Promise<void>, posted: Posted[], n: number) => Promise<void>, redis: string[] = [],
): void {
  row(id, name, times, async (repeat, chance, tally) => {
    await withEnsemble(id, tally, { redis }, async (play) => {
      for (let n = 0; n < repeat; n++) {
        const { posted, crowd } = await begin(play, chance, `${n}`, seconds);
        await harm(play, chance, () => askMeanwhile(play, chance, `${n}`, posted, crowd, tally), posted, n);
        play.recorder.healed();
        await crowd.all();
        await play.judgeUnnoticed(posted, tally, `time ${n}`);
        tally.repetitions++;
        tally.faults++;
        tally.answers += posted.length;
      }
      await until("everybody has Redis back", async () => {
        const said = await Promise.all(play.cluster.apis.map((api) => api.call("GET", "/readyz")));
        return said.every((one) => one.body.status === "ready");
      });
      tally.blame(await play.verdict(), "at the end");
    });
  });
}

redisRow("R1", "kill -9 of Redis, which comes back empty after three seconds", { quick: 1, long: 20 }, 6, async (play, chance, meanwhile) => {
  await play.redis.end("SIGKILL");
  await Promise.all([sleep(chance.between(0, 3_000)), meanwhile()]);
  await play.redis.start();
});

redisRow("R2", "Redis is away for long: posts are taken, and answers end without it", { quick: 1, long: 3 }, 4, async (play, _, meanwhile) => {
  await play.redis.end("SIGKILL");
  await Promise.all([sleep(isLong ? 60_000 : 7_000), meanwhile()]);
  await play.redis.start();
});

redisRow("R3", "Redis is halted: nothing hangs", { quick: 1, long: 15 }, 6, async (play, chance, meanwhile) => {
  play.redis.signal("SIGSTOP");
  await Promise.all([sleep(isLong ? chance.between(1_000, 10_000) : 3_000), meanwhile()]);
  play.redis.signal("SIGCONT");
});

// What the log had forgotten it has again then: the position from before the reset is in it.
redisRow("R3", "Redis is halted until the answers have ended; readers are cut behind the reset", { quick: 1, long: 15 }, 3, async (play, chance, _, posted, n) => {
  let isBack = false;
  const cut = posted.map((one, k) => play.followAll(`cut ${n}.${k}`, one, { cutAfter: () => (isBack ? Infinity : 1) }));
  const events = (k: number) => play.recorder.records.seen.filter((event) => event.client === `cut ${n}.${k}/0`);
  await until("some text", () => posted.every((_, k) => events(k).length > 3));
  await sleep(chance.between(0, 300));
  play.redis.signal("SIGSTOP");
  await until("a reset or the end", () => posted.every((_, k) => events(k).some((event) => /reset|done/.test(event.type))), 30_000)
    .finally(() => play.redis.signal("SIGCONT"));
  isBack = true;
  await Promise.all(cut);
  const resets = posted.filter((_, k) => events(k).some((event) => event.type === "reset")).length;
  if (resets === 0) throw new Error("nobody saw a reset: the test does not test");
});

redisRow("R4", "Redis has no memory left: appends are refused, answers go on", { quick: 1, long: 20 }, 4, async (play, chance, meanwhile) => {
  play.redis.cli("CONFIG", "SET", "maxmemory", "1");
  await Promise.all([sleep(chance.between(500, 3_000)), meanwhile()]);
  play.redis.cli("CONFIG", "SET", "maxmemory", "0");
  mustHave(play.redis, "errorstats", /errorstat_OOM:count=/);
});

redisRow("R5", "keys are deleted, evicted and cut short in the middle", { quick: 1, long: 25 }, 4, async (play, chance, meanwhile, posted) => {
  const { redis } = play;
  const harms: (() => unknown)[] = [
    () => redis.cli("FLUSHALL"),
    () => redis.cli("DEL", ...posted.map((one) => `stream:${one.task}:chunks`)),
    () => redis.cli("DEL", ...posted.map((one) => `stream:${one.task}:metadata`)),
    () => posted.map((one) => redis.cli("RPOP", `stream:${one.task}:chunks`, "3")),
    () => redis.cli("SCRIPT", "FLUSH"),
    async () => {
      redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
      redis.cli("CONFIG", "SET", "maxmemory", "1");
      await sleep(chance.between(50, 500));
      redis.cli("CONFIG", "SET", "maxmemory", "0");
      redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
      mustHave(redis, "stats", /evicted_keys:[1-9]/);
    },
  ];
  const order = harms.map((one) => [chance.next(), one] as const).sort((a, b) => a[0] - b[0]);
  for (const [, harm] of order) {
    await harm();
    await sleep(chance.between(50, 300));
  }
  await meanwhile();
});

redisRow("R6", "subscriptions are cut, and an API process that is halted gets too much to read", { quick: 1, long: 20 }, 4, async (play, chance, meanwhile, posted) => {
  const { redis, cluster } = play;
  for (let more = 5; more > 0; more--) {
    redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
    await sleep(chance.between(20, 300));
  }
  redis.cli("CLIENT", "KILL", "TYPE", "normal");
  // What Redis keeps for a reader that does not read is bounded; this bound is met sooner than the usual one.
  redis.cli("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 512kb 2");
  // More than the kernel keeps for it.
  const big = await play.postMany(5, () => ({ tokens: 90, token_bytes: 40_000, pace_ms: 20 }));
  posted.push(...big);
  const reading = Promise.all(big.flatMap((one, n) => [0, 1].map((k) => play.followAll(`reader of much ${n} at ${k}`, one, { where: play.from(k) }))));
  await play.underWay(big);
  await until("both are told what comes", () => big.some((one) => redis.cli("PUBSUB", "NUMSUB", `stream:${one.task}`).trim().endsWith("2")));
  const listeners = () => [...redis.cli("CLIENT", "LIST", "TYPE", "pubsub").matchAll(/^id=(\d+)/gm)].map((match) => match[1]!);
  const before = listeners();
  const halted = cluster.apis[chance.between(0, 1)]!.running.child;
  halted.kill("SIGSTOP");
  await until("Redis has thrown a reader out", () => before.some((id) => !listeners().includes(id)), 5_000).finally(() => halted.kill("SIGCONT"));
  redis.cli("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60");
  await meanwhile();
  await reading;
});

redisRow("R7", "Redis loads its data, and is a replica for a while", { quick: 1, long: 15 }, 5, async (play, chance, meanwhile) => {
  const { redis } = play;
  const other = await Redis.begin();
  try {
    // A replica of nothing keeps what it has, refuses writes, and is made the master again.
    redis.cli("REPLICAOF", "127.0.0.1", "1");
    await sleep(chance.between(200, 1_500));
    redis.cli("REPLICAOF", "NO", "ONE");
    await sleep(chance.between(100, 500));
    // One of an empty server is emptied.
    redis.cli("REPLICAOF", "127.0.0.1", `${other.port}`);
    await sleep(chance.between(200, 1_500));
    redis.cli("REPLICAOF", "NO", "ONE");
    await sleep(chance.between(100, 500));
    // What it had a moment ago is loaded slowly, and is old then.
    mustHave(redis, "errorstats", /errorstat_READONLY:count=/);
    redis.cli("SAVE");
    await sleep(chance.between(0, 300));
    await redis.end("SIGKILL");
    await Promise.all([redis.start(["--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024"]), meanwhile()]);
    mustHave(redis, "errorstats", /errorstat_LOADING:count=/);
  } finally {
    await other.dispose();
  }
});
