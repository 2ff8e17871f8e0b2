// The storm: answers are asked for, read, left, resumed, stopped and asked for again while everything but PostgreSQL is killed,
// stopped, halted and cut off at random. In the end every answer is the same, byte for byte, for every client, in the database
// and as the model sent it.
//
//   STORM_MINUTES=N, STORM_ANSWERS=N    how long and how much; 1 and 100 unless given
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { slowness, until } from "../system/support/process.ts";
import { psql } from "../system/support/servers.ts";
import { type Ensemble, withEnsemble } from "./support/ensemble.ts";
import { descriptorsOf, memoryOf } from "./support/process_facts.ts";
import type { Posted } from "./support/recorder.ts";
import type { Gauge } from "./support/records.ts";
import { Chance, row, seed, type Tally } from "./support/rows.ts";
import { Crowd, restless } from "./support/stage.ts";
import { Weather } from "./support/weather.ts";

const minutes = Number(process.env["STORM_MINUTES"] ?? 1);
const answers = Number(process.env["STORM_ANSWERS"] ?? 100);
const patience = 120_000 * slowness;

/** What is known of the answers while the storm blows. */
class Log {
  readonly posted: Posted[] = [];
  readonly stopped = new Set<string>();
  asked = 0;
  ended = 0;
}

/** One question and all that its people do with it. */
async function ask(play: Ensemble, n: number, log: Log): Promise<void> {
  const { recorder } = play;
  const chance = new Chance(`storm answer ${n}`);
  const client = `answer ${n}`;
  const pace_ms = chance.between(5, 60);
  const what = { pace_ms, tokens: chance.between(1, Math.ceil(12_000 / pace_ms)), first_ms: chance.between(0, 200), reasoning: chance.of([0, 0, 0, 10]), token_bytes: chance.of([4, 4, 30, 400]) };
  const posted = await recorder.post(client, what, patience);
  log.asked++;
  log.posted.push(posted);
  const how = { patience, cutAfter: restless(chance) };
  const people = [play.followAll(client, posted, { ...how, readers: chance.between(1, 3) })];
  if (chance.next() < 0.3) people.push(sleep(chance.between(0, 15_000)).then(() => play.followAll(`late reader of ${client}`, posted, how)));
  if (chance.next() < 0.08) people.push(sleep(chance.between(0, 4_000)).then(() => stop(play, client, posted, log)));
  await Promise.all(people);
  if (chance.next() < 0.05) {
    const again = await recorder.regenerate(client, posted, patience);
    log.posted.push(again);
    await play.followAll(`${client}, again`, again, how);
  }
  log.ended++;
}

async function stop(play: Ensemble, client: string, posted: Posted, log: Log): Promise<void> {
  log.stopped.add(posted.task);
  const deadline = performance.now() + patience;
  for (let state: string | undefined = "cancelling"; state === undefined || state === "cancelling"; await sleep(50)) {
    if (performance.now() > deadline) throw new Error(`${client} could not be stopped (task ${posted.task})`);
    state = await play.recorder.cancel(`stopper of ${client}`, posted.task);
  }
}

function say(text: string): void {
  writeSync(2, `${text}\n`);
}

const clock = (ms: number) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

async function blow(play: Ensemble, weather: Weather, tally: Tally): Promise<Log> {
  const log = new Log();
  const crowd = new Crowd();
  const length = minutes * 60_000;
  const began = performance.now();
  const progress = setInterval(() => {
    const parts = [`${log.asked} of ${answers} asked`, `${log.ended} ended`, `${weather.faults} faults`, `${play.recorder.refusals} refusals`];
    say(`storm ${clock(performance.now() - began)} of ${clock(length)}: ${parts.join(", ")}`);
  }, 10_000);
  try {
    weather.begin(2, 2_000);
    const when = new Chance("storm moments");
    for (let n = 0; n < answers; n++) {
      const due = began + ((n + when.next()) * length) / answers;
      await sleep(Math.max(0, due - performance.now()));
      crowd.add(ask(play, n, log));
    }
    await sleep(Math.max(0, began + length - performance.now()));
    await weather.calm();
    tally.violations.push(...weather.violations);
    play.recorder.healed();
    await crowd.all();
  } finally {
    clearInterval(progress);
    await weather.calm().catch(() => {});
  }
  tally.faults += weather.faults;
  tally.answers += log.posted.length;
  return log;
}

/** What must come back after the storm, and by how much it may have grown. */
async function gauges(play: Ensemble): Promise<Gauge[]> {
  const { cluster, redis } = play;
  const pids = [...cluster.apis.map((api) => api.pid), ...cluster.workers.map((one) => one.pid)];
  const sum = (of: (pid: number) => number) => pids.reduce((all, pid) => all + of(pid), 0);
  const count = await psql(cluster.shared.database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()");
  const measured: [string, number, number][] = [
    ["descriptors of all processes", sum(descriptorsOf), 80], // connections that are kept for the next call
    ["memory of all processes", sum(memoryOf), 200 * 1048576 * slowness], // what was used once may stay with the allocator
    ["connections to PostgreSQL", Number(count), 40],
    ["connections to Redis", Number(redis.cli("INFO", "clients").match(/connected_clients:(\d+)/)![1]), 8],
  ];
  return measured.map(([what, after, allowed]) => ({ what, before: after, after, allowed }));
}

async function settle(play: Ensemble, before: Gauge[]): Promise<void> {
  let now: Gauge[] = [];
  await until("quiet", async () => {
    now = (await gauges(play)).map((one, n) => ({ ...one, before: before[n]!.before }));
    return now.every((one) => one.after <= one.before + one.allowed!);
  }, 20_000).catch(() => {}); // the checker says what is too much
  play.recorder.records.gauges.push(...now);
}

/** Beyond the invariants: who was not stopped is complete; nothing in Redis lives for ever. */
async function judge(play: Ensemble, log: Log, tally: Tally): Promise<void> {
  tally.blame(await play.recorder.verdict(play.database, { heal: 10_000 * slowness, close: 12_000 * slowness }), "after the storm");
  const whole = log.posted.filter((one) => !log.stopped.has(one.task));
  await play.judgeWhole(whole, tally, "after the storm");
  const forever = "local n = 0 for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('TTL', key) == -1 then n = n + 1 end end return n";
  const keys = play.redis.cli("EVAL", forever, "0").trim();
  if (keys !== "0") tally.violations.push(`${keys} keys of Redis live for ever`);
}

function summary(play: Ensemble, log: Log, weather: Weather): string[] {
  const { records, refusals } = play.recorder;
  const tasks = records.snapshots.at(-1)!.tasks;
  const again = tasks.filter((one) => one.attempt > 1).length;
  const lost = records.replies.filter((one) => one.status === null).length;
  const bounds = records.gauges.map((one) => (one.what.startsWith("memory") ? `${one.what} ${one.before >> 20} to ${one.after >> 20} MiB` : `${one.what} ${one.before} to ${one.after}`));
  return [
    bounds.join(", "),
    [...weather.counts].map(([kind, count]) => `${kind} ${count}`).join(", "),
    `${log.stopped.size} were stopped, ${again} took more than one attempt, ${Math.max(...tasks.map((one) => one.attempt))} at most; ` +
      `${records.connections.length} streams, ${refusals} calls refused and ${lost} without a reply, and repeated`,
  ];
}

row("storm", "everything but PostgreSQL is killed, stopped, halted and cut off at random", { quick: 1, long: 1, timeout: (minutes + 5) * 60_000 }, async (repeat, _, tally) => {
  tally.again = `FAULT_SEED=${seed} STORM_MINUTES=${minutes} STORM_ANSWERS=${answers} ./dev test storm`;
  const options = { args: ["--failures-max", "100", "--keep-alive", "1s"], impatience: { call: 6_000 * slowness, silence: 5_000 * slowness } };
  for (let n = 0; n < repeat; n++) {
    await withEnsemble("storm", tally, options, async (play) => {
      const weather = await Weather.open(play);
      play.visit(weather.urls);
      try {
        const before = await gauges(play);
        const log = await blow(play, weather, tally);
        await settle(play, before);
        await judge(play, log, tally);
        tally.remarks.push(...summary(play, log, weather));
        tally.repetitions++;
      } finally {
        play.note("weather", weather.diary.join("\n"));
        await weather.dispose();
      }
    });
  }
});
