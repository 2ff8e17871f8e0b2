// C8: clocks that are wrong or are set while it runs. Debian's libfaketime sets the wall clock of one process; its steady clock
// goes on.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startEngine } from "../system/support/engine.ts";
import { startModel } from "../system/support/model.ts";
import { slowness, until } from "../system/support/process.ts";
import { databaseOf } from "./support/database.ts";
import { Recorder } from "./support/recorder.ts";
import { row } from "./support/rows.ts";
import { background } from "./support/stand.ts";

const library = readdirSync("/usr/lib")
  .map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
  .find((file) => existsSync(file));
const whyNot = library === undefined
  ? "needs Debian's faketime"
  : slowness > 1 ? "a sanitizer's runtime must be the first library" : undefined;

row("C8", "a client whose clock is wrong by ten years", { quick: 1, long: 5 }, async (repeat, _, tally) => {
  const model = await startModel();
  const engine = await startEngine({ model: model.base });
  try {
    const recorder = new Recorder(() => engine.somewhere(), model);
    for (let n = 0; n < repeat; n++) {
      for (const years of [-10, 10]) {
        const date = new Date(Date.now() + years * 365 * 86_400_000);
        const headers = {
          Date: date.toUTCString(), "If-Modified-Since": date.toUTCString(), "If-Unmodified-Since": date.toUTCString(), Expires: "0",
        };
        const posted = await engine.expect(202, "POST", "/chat/messages", { content: `What day is it? ${n} ${years}` }, headers);
        await recorder.follow("reader", posted.task_id);
        const stream = await fetch(`${engine.url}/stream/${posted.task_id}`, { headers });
        expect(stream.status).toBe(200);
        expect(await stream.text()).toContain('"status":"completed"');
        const message = await engine.message(posted.session_id, posted.message_id) as unknown as { created_at: string };
        expect(Math.abs(Date.parse(message.created_at) - Date.now())).toBeLessThan(60_000);
        tally.answers++;
        tally.faults++;
      }
      tally.repetitions++;
    }
    recorder.healed();
    tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
  } finally {
    await engine.dispose();
    await model.stop();
  }
});

row("C8", "the server's clock is set forward and back by an hour while answers run and wait", { quick: 1, long: 10 }, async (repeat, chance, tally) => {
  const folder = mkdtempSync(join(tmpdir(), "throughline-clock-"));
  const clock = join(folder, "clock");
  const set = (offset: string) => writeFileSync(clock, `${offset}\n`);
  set("+0");
  const model = await startModel();
  const engine = await startEngine({
    model: model.base, args: ["--idle-timeout", "3s", "--first-byte-timeout", "3s"],
    env: {
      LD_PRELOAD: library!, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1", DONT_FAKE_MONOTONIC: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  try {
    for (let n = 0; n < repeat; n++) {
      const recorder = new Recorder(() => engine.somewhere(), model);
      const running = await Promise.all(Array.from({ length: 10 }, (_, i) => recorder.post(`asker ${i}`, { tokens: 150, pace_ms: 20 })));
      // One waits for its next try, in two seconds; one for an answer that will not come in time.
      const waiting = await recorder.post("waiting", { tokens: 5, status: 503, retry_after: 2, fail_times: 1 });
      const silent = await recorder.post("silent", { tokens: 5, stall_after: 0 });
      const began = performance.now();
      const following = [...running, waiting].map((one, i) => background(recorder.follow(`reader ${i}`, one.task)));
      await until("text everywhere", () => new Set(recorder.records.seen.map((one) => one.task)).size >= running.length);
      for (const offset of n % 2 === 0 ? ["+3600", "-3600", "+0"] : ["-3600", "+3600", "+0"]) {
        set(offset);
        await sleep(chance.between(300, 700));
      }
      await Promise.all(following);
      // Nothing was taken from anybody, nothing timed out early or late, and nothing was begun anew.
      for (const one of running) expect(await engine.task(one.task)).toMatchObject({ attempt: 1, failures: 0, state: "succeeded" });
      expect(await engine.task(waiting.task)).toMatchObject({ attempt: 2, failures: 1, state: "succeeded" });
      const requests = await model.requests(waiting.modelKey);
      expect(requests[1]!.received_at_ms - requests[0]!.received_at_ms).toBeGreaterThan(1900);
      expect(requests[1]!.received_at_ms - requests[0]!.received_at_ms).toBeLessThan(5000);
      await until("the silent one has timed out once", async () => (await engine.task(silent.task)).failures >= 1);
      const tried = (await model.requests(silent.modelKey))[0]!;
      expect(performance.now() - began).toBeGreaterThan(2900);
      await until("its request is closed", async () => (await model.requests(silent.modelKey))[0]!.closed_at_ms !== null);
      const closed = (await model.requests(silent.modelKey))[0]!.closed_at_ms!;
      expect(closed - tried.received_at_ms).toBeGreaterThan(2900);
      expect(closed - tried.received_at_ms).toBeLessThan(5000);
      await recorder.cancel("asker", silent.task);
      await recorder.follow("asker", silent.task);
      const state = await databaseOf(engine).snapshot();
      expect(state.tasks.every((task) => Math.abs(task.runAt - Date.now()) < 1_800_000)).toBe(true);
      expect((await engine.call("GET", "/readyz")).status).toBe(200);
      recorder.healed();
      tally.blame(await recorder.verdict(databaseOf(engine)), `in repetition ${n}`);
      tally.faults += 3;
      tally.answers += running.length + 2;
      tally.repetitions++;
    }
  } finally {
    await engine.dispose();
    await model.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, whyNot);
