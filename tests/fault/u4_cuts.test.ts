// U4: the connection to the model breaks, at every byte.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { slowness } from "../system/support/process.ts";
import { type Model, startModel, wish } from "../system/support/model.ts";
import { readToEnd } from "../system/support/stream.ts";
import { type Chaos, startChaos } from "./support/chaos.ts";
import { databaseOf } from "./support/database.ts";
import { Recorder } from "./support/recorder.ts";
import { isLong, row } from "./support/rows.ts";

// A lane is a chaos proxy before the model and a provider that uses it: connections of one lane are made one after the other, so
// that a test says where exactly each of them breaks.
const lanes = 4;
const tokens = 112;

let model: Model;
let chaos: Chaos[];
let engine: Engine;
let folder: string;
/** Of one whole response, its head included. */
let streamBytes: number;

beforeAll(async () => {
  model = await startModel();
  chaos = await Promise.all(Array.from({ length: lanes + 1 }, () => startChaos(model.base)));
  folder = mkdtempSync(join(tmpdir(), "throughline-fault-"));
  writeFileSync(join(folder, "throughline.toml"), chaos.map((one, n) =>
    `[providers.lane${n}]\nkind = "openai"\nbase_url = "${one.url}/v1"\napi_key = "none"\nmodels = ["lane${n}"]\n`).join("\n"));
  engine = await startEngine({
    args: ["--config", join(folder, "throughline.toml"), "--failures-max", "1", "--default-model", `lane${lanes}`],
  });
  const whole = await engine.ask(wish({ tokens, seed: 1, pace_ms: 0 }), { model: "lane0" });
  await readToEnd(engine.somewhere, whole.task_id);
  streamBytes = (await chaos[0]!.status()).down;
});
afterAll(async () => {
  await engine?.dispose();
  for (const one of chaos ?? []) await one.stop();
  await model?.stop();
  rmSync(folder, { recursive: true, force: true });
});

row("U4", "a response that ends after any byte is an error with that much text, never complete", { quick: 160, long: 0 }, async (quick, chance, tally) => {
  expect(streamBytes).toBeGreaterThan(18_000);
  const every = isLong && quick === 0;
  // From the end: the ids in the frames grow with the number of requests, and the last bytes shall be the last ones.
  const all = Array.from({ length: streamBytes + 1 }, (_, n) => streamBytes - n);
  const offsets = every ? all : Array.from({ length: Math.max(quick, 8) }, (_, n) =>
    n < 4 ? [0, 1, streamBytes - 1, streamBytes][n]! : n < 24 ? streamBytes - 1 - n * 23 : chance.between(1, streamBytes - 1));
  const sent = (await model.requests())[0]!.sent_text;
  let complete = 0;
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    const proxy = chaos[lane]!;
    for (let n = lane; n < offsets.length; n += lanes) {
      const at = offsets[n]!;
      // No connection is left from the one before, so that the next one is cut where it is meant to be.
      await proxy.cut();
      await proxy.next(`down.cut_after_bytes=${at} rst=${n % 2}`);
      const posted = await engine.ask(wish({ tokens, seed: 1, pace_ms: 0 }), { model: `lane${lane}` });
      const seen = await readToEnd(engine.somewhere, posted.task_id, { patience: 60_000 });
      const message = await engine.message(posted.conversation_id, posted.message_id);
      const where = `cut after ${at} of ${streamBytes} bytes`;
      if (message.content !== seen.content) tally.violations.push(`I4 ${where}: the database has another text`);
      if (!sent.startsWith(seen.content)) tally.violations.push(`I1 ${where}: not a prefix: ${seen.content.slice(-60)}`);
      if (seen.terminal!.chunk_type === "done") {
        complete++;
        if (seen.content !== sent) tally.violations.push(`g ${where}: complete with ${seen.content.length} of ${sent.length} characters`);
        // All of the text and its finish reason lie in front of the last three frames.
        if (at < streamBytes - 600) tally.violations.push(`g ${where}: complete`);
      } else if (at >= 9 && !["provider_truncated", "provider_unreachable"].includes(seen.terminal!.code!)) {
        // (Of less than "HTTP/1.1 " nobody can say that it is HTTP.)
        tally.violations.push(`U4 ${where}: ${seen.terminal!.code}: ${seen.terminal!.content}`);
      }
      tally.answers++;
      tally.faults++;
      tally.repetitions++;
    }
  }));
  expect(complete).toBeGreaterThan(0);
  tally.remarks.push(`${streamBytes} bytes, cut at ${every ? "each" : `${offsets.length}`} of them, by FIN and RST in turn; ${complete} were cut behind the finish reason`);
});

row("U4", "answers become whole though connections break at random bytes, with a reset for each try", { quick: 16, long: 600 }, async (repeat, _, tally) => {
  const proxy = chaos[lanes]!;
  const patient = await startEngine({
    model: `${proxy.url}/v1`,
    args: ["--failures-max", "50"],
  });
  try {
    const recorder = new Recorder(() => patient.somewhere(), model);
    await proxy.set("down.cut_after_bytes=1..24000");
    const jobs = Array.from({ length: repeat }, (_, n) => n);
    await Promise.all(Array.from({ length: 10 }, async (_, reader) => {
      for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
        if (job % 5 === 0) await proxy.set(`down.cut_after_bytes=1..24000 rst=${job % 2} split_bytes=${job % 3 === 0 ? 1 : 0}`);
        // Connections live on: what is whole was lucky, or came over the rest of one.
        const posted = await recorder.post(`reader ${reader}`, { tokens: 30, pace_ms: 1 }, 120_000 * slowness);
        const following = recorder.follow(`reader ${reader}`, posted.task, { patience: 120_000 * slowness });
        await following;
        tally.answers++;
        tally.repetitions++;
      }
    }));
    await proxy.set();
    recorder.healed();
    const sent = await model.requests(undefined);
    tally.faults += sent.filter((one) => one.closed_by_client).length;
    // A client repeats a request when a connection that was used before breaks without a byte of reply: the model may
    // then count one request more than there were attempts.
    const found = (await recorder.verdict(databaseOf(patient))).filter((one) => !(one.invariant === "I5" && /requests to the model/.test(one.what)));
    tally.blame(found, "at the end");
    expect(recorder.records.seen.filter((event) => event.type === "done").length).toBe(repeat);
  } finally {
    await patient.dispose();
    await proxy.set();
  }
});
