// S1: few file descriptors, little memory. Whoever comes too much is turned away or waits; who is there already goes on; nothing
// spins; and when the crowd has gone all is as before, by itself.
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { slowness, until } from "../system/support/process.ts";
import { descriptorsOf } from "./support/process_facts.ts";
import { row, type Tally } from "./support/rows.ts";
import { Crowd, isSanitized, type Stage, withStage } from "./support/stage.ts";

const descriptors_max = 64;


/** CPU seconds that a process has used. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Connections that are opened and kept. Each says what it was told, if anything. */
class Hogs {
  private readonly sockets: Socket[] = [];
  readonly told: string[] = [];

  open(port: number, count: number, request: string): void {
    for (let n = 0; n < count; n++) {
      const socket = connect(port, "127.0.0.1", () => socket.write(request));
      let text = "";
      socket.on("data", (piece: Buffer) => (text += piece.toString()));
      socket.on("close", () => text !== "" && this.told.push(text));
      socket.on("error", () => {});
      this.sockets.push(socket);
    }
  }
  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

async function starve(stage: Stage, chance: { between(a: number, b: number): number }, tally: Tally, n: number): Promise<void> {
  const { recorder, engine } = stage;
  const { pid } = engine;
  const port = Number(new URL(engine.url).port);
  const crowd = new Crowd();
  const long = await recorder.post(`long ${n}`, { tokens: 500, pace_ms: 10 });
  crowd.add(stage.followAll(`long ${n}`, long, { readers: 2 }));
  await until("its first words", () => recorder.records.seen.some((event) => event.task === long.task));
  const hogs = new Hogs();
  // Half of them say nothing, half of them ask for a stream.
  hogs.open(port, chance.between(80, 200), "");
  hogs.open(port, chance.between(80, 200), `GET /stream/${long.task} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  tally.faults++;
  await until("no descriptor left, or all turned away", () => descriptorsOf(pid) >= descriptors_max - 4 || hogs.told.length > 50, 10_000);
  const seen = recorder.records.seen.length;
  const cpu = cpuOf(pid);
  const began = performance.now();
  await sleep(1_500);
  const share = (cpuOf(pid) - cpu) / ((performance.now() - began) / 1000);
  if (share > 0.5) tally.violations.push(`it used ${(share * 100).toFixed(0)} % of a core while nobody could come in`);
  if (recorder.records.seen.length === seen) tally.violations.push("the stream that was there before stood still");
  for (const text of hogs.told) {
    if (!/^HTTP\/1\.1 (200|204|408|429|503) /.test(text)) tally.violations.push(`somebody was told ${JSON.stringify(text.slice(0, 80))}`);
    if (/^HTTP\/1\.1 (429|503) /.test(text) && !/^retry-after: \d+/im.test(text)) tally.violations.push("turned away without Retry-After");
  }
  // Asked for in the storm, answered after it at the latest.
  crowd.add(stage.answer(`late ${n}`, { tokens: 5 }));
  hogs.close();
  recorder.healed();
  await crowd.all();
  await Promise.all(Array.from({ length: 5 }, (_, k) => stage.answer(`after ${n}.${k}`, { tokens: 5, pace_ms: 5 })));
  if (stage.engine.running.child.exitCode !== null || stage.engine.pid !== pid) tally.violations.push("the process did not live through it");
  tally.repetitions++;
  tally.answers += 7;
  tally.remarks = [`${(share * 100).toFixed(0)} % of a core; ${hogs.told.length} were told to come back`];
}

row("S1", `${descriptors_max} file descriptors and hundreds who want one`, { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  await withStage({ under: ["prlimit", `--nofile=${descriptors_max}:${descriptors_max}`] }, async (stage) => {
    await stage.answer("first", { tokens: 5 });
    const before = descriptorsOf(stage.engine.pid);
    for (let n = 0; n < repeat; n++) await starve(stage, chance, tally, n);
    await until("descriptors given back", () => descriptorsOf(stage.engine.pid) <= before + 4, 30_000).catch(() => {});
    stage.recorder.records.gauges.push({ what: "descriptors", before, after: descriptorsOf(stage.engine.pid), allowed: 4 });
    tally.blame(await stage.verdict(), "after too many connections");
  });
});


// Out of memory is nothing that a program with this many threads can talk its way out of: it may end. It does not hang, it loses
// nothing, and the next start goes on.
row("S1", "too little memory for what is asked", { quick: 1, long: 10 }, async (repeat, chance, tally) => {
  const limit = 400 * 1024 * 1024;
  let deaths = 0;
  for (let n = 0; n < repeat; n++) {
    await withStage({ under: ["prlimit", `--as=${limit}`] }, async (stage) => {
      const { recorder } = stage;
      const crowd = new Crowd();
      for (let k = 0; k < 6; k++) crowd.add(stage.answer(`small ${k}`, { tokens: chance.between(50, 200), pace_ms: 10 }));
      // Each of these alone is within its limits; together they are too much.
      for (let k = 0; k < 40; k++) {
        crowd.add(recorder.post(`large ${k}`, { tokens: 3, token_bytes: 900_000, pace_ms: 20 }));
      }
      tally.faults++;
      const ended = await Promise.race([stage.engine.running.ended, sleep(4_000 * slowness).then(() => undefined)]);
      if (ended !== undefined) deaths++;
      else if ((await stage.engine.call("GET", "/healthz")).status !== 200) tally.violations.push("it lives and does not answer");
      await stage.restart({ under: [] });
      recorder.healed();
      await crowd.all();
      await until("all answers", async () => (await stage.snapshot(false)).tasks.every((task) => /ed$/.test(task.state) && task.state !== "delayed"), 60_000);
      tally.repetitions++;
      tally.answers += crowd.size;
      tally.blame(await stage.verdict(), "after too little memory");
    });
  }
  tally.remarks.push(`${deaths} of ${repeat} times the process ended`);
}, isSanitized ? "a sanitizer needs all address space there is" : undefined);
