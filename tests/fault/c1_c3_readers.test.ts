// C1 to C3: readers that do not read, come all at once, or are gone without a word; and bytes that are cut up between them and
// the server.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { type Model, startModel } from "../system/support/model.ts";
import { slowness, until } from "../system/support/process.ts";
import { Fronts, startChaos } from "./support/chaos.ts";
import { databaseOf } from "./support/database.ts";
import { descriptorsOf, memoryOf } from "./support/process_facts.ts";
import { Recorder } from "./support/recorder.ts";
import { isLong, row } from "./support/rows.ts";
import { background } from "./support/stand.ts";

const MiB = 1048576;
const writeTimeout = 2 * slowness;
let model: Model;
let engine: Engine;
beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base, args: ["--write-timeout", `${writeTimeout}s`, "--keep-alive", "500ms"] });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

/** Until the server has closed all but so many descriptors. */
async function freed(most: number): Promise<number> {
  const began = performance.now();
  await until(`at most ${most} descriptors`, () => descriptorsOf(engine.pid) <= most, 30_000);
  return performance.now() - began;
}

row("C1", "readers that never read: disconnected, and nobody else is held up", { quick: 1, long: 3 }, async (repeat, _, tally) => {
  const readers = isLong ? 500 : 100;
  for (let n = 0; n < repeat; n++) {
    // Two kilobytes that arrive in an hour: the readers, and the proxy for them, take nothing more.
    const chaos = await startChaos(engine.url, { bufferBytes: 2048, rules: "down.delay_ms=3600000" });
    const recorder = new Recorder(() => engine.somewhere(), model);
    try {
      const before = { memory: memoryOf(engine.pid), descriptors: descriptorsOf(engine.pid) };
      const posted = await recorder.post("asker", { tokens: 400, token_bytes: 1000, pace_ms: 5 });
      const patience = 100_000 * slowness;
      const stuck = Array.from({ length: readers }, (_, i) =>
        background(recorder.follow(`stuck ${i}`, posted.task, { where: () => chaos.url, patience })));
      await until("all are there", async () => (await chaos.status()).open >= readers, 20_000);
      await Promise.all(Array.from({ length: 5 }, (_, i) => recorder.follow(`quick ${i}`, posted.task, { patience: 60_000 * slowness })));
      // The quick ones have all of it, and the others next to nothing.
      expect(recorder.records.seen.filter((one) => one.client.startsWith("stuck") && one.type === "done")).toEqual([]);
      const memory = memoryOf(engine.pid) - before.memory;
      expect(memory).toBeLessThan((isLong ? 100 : 60) * MiB * slowness);
      // The model's connection may stay open for the next answer, and so may those of the quick ones.
      const took = await freed(before.descriptors + 20);
      tally.remarks.push(`${readers} readers: memory grew by ${Math.round(memory / MiB)} MiB; disconnected ${Math.round(took)} ms after the others had ended`);
      await chaos.set();
      await chaos.cut("reset");
      await Promise.all(stuck);
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(engine)), `in repetition ${n}`);
      tally.faults += readers;
      tally.answers++;
      tally.repetitions++;
    } finally {
      await chaos.stop();
    }
  }
});

row("C2", "a storm of readers that come back all at once", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const readers = isLong ? 5000 : 1000;
  const chaos = await startChaos(engine.url);
  try {
    for (let n = 0; n < repeat; n++) {
      const recorder = new Recorder(() => engine.somewhere(), model);
      const before = { memory: memoryOf(engine.pid), descriptors: descriptorsOf(engine.pid) };
      const posted = await Promise.all(Array.from({ length: 20 }, (_, i) => recorder.post(`asker ${i}`, isLong ? { tokens: 80, pace_ms: 500 } : { tokens: 300, pace_ms: 40 })));
      const following = Array.from({ length: readers }, (_, i) =>
        background(recorder.follow(`reader ${i}`, posted[i % posted.length]!.task, { where: () => chaos.url, patience: 100_000 * slowness })));
      await until("all are there", async () => (await chaos.status()).open >= readers, 60_000);
      // Most have some text, and so a position to come back with.
      await until("text", () => new Set(recorder.records.seen.map((one) => one.client)).size > readers * 0.7, 60_000);
      const cut = performance.now();
      await chaos.cut("reset");
      // Not all at one time: for the first of thousands the answer may be over before the last has come.
      await until("all are back", () => recorder.records.connections.length >= 2 * readers, 60_000);
      tally.remarks.push(`${readers} readers back after ${Math.round(performance.now() - cut)} ms, this process's own work included`);
      await Promise.all(following);
      const resumed = recorder.records.connections.filter((one) => one.from !== null).length;
      expect(resumed).toBeGreaterThan(readers / 2);
      recorder.healed();
      // Readers' connections are kept for reuse by this process: they end here.
      await chaos.cut();
      await until("the descriptors are back", () => descriptorsOf(engine.pid) <= before.descriptors + 45, 20_000);
      // Memory that was used once may stay with the allocator; a second storm must not add to it.
      if (n > 0 && slowness === 1) {
        recorder.records.gauges.push({ what: "memory", before: before.memory, after: memoryOf(engine.pid), allowed: 30 * MiB });
      }
      tally.blame(await recorder.verdict(databaseOf(engine)), `in repetition ${n}`);
      tally.faults += readers;
      tally.answers += posted.length;
      tally.repetitions++;
    }
  } finally {
    await chaos.stop();
  }
});

row("C3", "readers behind a blackhole are let go, and come back", { quick: 1, long: 10 }, async (repeat, _, tally) => {
  const readers = 20;
  for (let n = 0; n < repeat; n++) {
    const chaos = await startChaos(engine.url, { bufferBytes: 2048 });
    const recorder = new Recorder(() => engine.somewhere(), model);
    try {
      const before = descriptorsOf(engine.pid);
      const posted = await recorder.post("asker", { tokens: 500, token_bytes: 1000, pace_ms: 5 });
      const following = Array.from({ length: readers }, (_, i) =>
        background(recorder.follow(`reader ${i}`, posted.task, { where: () => chaos.url, patience: 100_000 * slowness })));
      await until("all have some text", () =>
        new Set(recorder.records.seen.map((one) => one.client)).size === readers, 30_000);
      await chaos.set("blackhole=1");
      const took = await freed(before + 5);
      tally.remarks.push(`let go after ${Math.round(took)} ms with a write timeout of ${writeTimeout} s`);
      await chaos.set();
      await chaos.cut("reset");
      await Promise.all(following);
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(engine)), `in repetition ${n}`);
      tally.faults += readers;
      tally.answers++;
      tally.repetitions++;
    } finally {
      await chaos.stop();
    }
  }
});

/** Why there can be no network namespace here; undefined: there can. */
function noNamespace(): string | undefined {
  try {
    execFileSync("ip", ["netns", "list"], { stdio: "ignore" });
    const name = `throughline-${process.pid}-try`;
    execFileSync("ip", ["netns", "add", name], { stdio: "ignore" });
    execFileSync("ip", ["netns", "del", name], { stdio: "ignore" });
    return undefined;
  } catch {
    return "needs root and `ip`";
  }
}

row("C3", "a cable that is pulled: silent readers are let go", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const readers = 10;
  for (let n = 0; n < repeat; n++) {
    // Once as it is without any flags.
    const isUsual = isLong && n === 0;
    const name = `tl${process.pid % 100_000}${n}`;
    const ours = `${name}a`;
    const theirs = `${name}b`;
    const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
    const net = `10.213.${(process.pid + n) % 250}`;
    ip("netns", "add", name);
    const clients: ReturnType<typeof spawn>[] = [];
    let server: Engine | undefined;
    try {
      ip("link", "add", ours, "type", "veth", "peer", "name", theirs);
      ip("link", "set", theirs, "netns", name);
      ip("addr", "add", `${net}.1/24`, "dev", ours);
      ip("link", "set", ours, "up");
      ip("-n", name, "addr", "add", `${net}.2/24`, "dev", theirs);
      ip("-n", name, "link", "set", theirs, "up");
      server = await startEngine({
        model: model.base, listen: `${net}.1:0`,
        args: ["--allow-unauthenticated-network", ...(isUsual ? [] : ["--write-timeout", `${writeTimeout}s`, "--keep-alive", "500ms"])],
      });
      const recorder = new Recorder(() => server!.url, model);
      const posted = await recorder.post("asker", { tokens: 5000, pace_ms: 20 });
      const before = descriptorsOf(server.pid);
      // In silence too: an answer that stalls has only keep-alive comments to find out with.
      const stalled = await recorder.post("asker", { tokens: 5, stall_after: 2 });
      for (let i = 0; i < readers; i++) {
        clients.push(spawn("ip", ["netns", "exec", name, "curl", "-sN", `${server.url}/stream/${(i % 2 ? posted : stalled).task}`], { stdio: ["ignore", "pipe", "ignore"] }));
      }
      await Promise.all(clients.map((client) => once(client.stdout!, "data")));
      expect(descriptorsOf(server.pid)).toBeGreaterThanOrEqual(before + readers);
      // Nothing arrives any more and nobody says so: neither an end nor a reset.
      ip("-n", name, "link", "set", theirs, "down");
      const pulled = performance.now();
      const pid = server.pid;
      await until("all readers are let go", () => descriptorsOf(pid) <= before + 1, 60_000);
      tally.remarks.push(`let go after ${Math.round(performance.now() - pulled)} ms with a write timeout of ${isUsual ? 30 : writeTimeout} s`);
      await recorder.cancel("asker", posted.task);
      await recorder.cancel("asker", stalled.task);
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(server), { close: 3000 }), `in repetition ${n}`);
      tally.faults += readers;
      tally.answers += 2;
      tally.repetitions++;
    } finally {
      for (const client of clients) client.kill("SIGKILL");
      await server?.dispose();
      ip("netns", "del", name);
    }
  }
}, noNamespace());

row("I2", "fifty reconnects through random cuts, split at every byte: nothing lost, nothing twice", { quick: 3, long: 60 }, async (repeat, chance, tally) => {
  const chaos = await Fronts.before(engine.urls);
  try {
    for (let n = 0; n < repeat; n++) {
      const recorder = new Recorder(() => engine.somewhere(), model);
      const posted = await recorder.post("asker", { tokens: 250, pace_ms: 8, reasoning: 20 });
      const most = chance.between(200, 1500);
      await chaos.set(`down.cut_after_bytes=1..${most} rst=${chance.between(0, 1)} down.split_bytes=${chance.between(0, 1)}`);
      const cut = ["a", "b", "c"].map((client) =>
        background(recorder.follow(`cut ${client}`, posted.task, { where: chaos.somewhere, patience: 60_000 * slowness })));
      // While the text comes hardly anybody gets past the first event through so narrow cuts; then they get it to the end.
      await until("fifty cuts", () => recorder.records.connections.filter((one) => one.client === "cut a").length > 50, 60_000);
      await chaos.set(`down.split_bytes=1 up.split_bytes=1 down.cut_after_bytes=2000..9000`);
      await Promise.all(cut);
      tally.faults += recorder.records.connections.length - 3;
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(engine)), `in repetition ${n}`);
      tally.answers++;
      tally.repetitions++;
    }
  } finally {
    await chaos.stop();
  }
});
