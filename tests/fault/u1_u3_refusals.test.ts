// U1 to U3: a model that refuses, cannot be reached, or says nothing.
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { slowness, until } from "../system/support/process.ts";
import { readToEnd } from "../system/support/stream.ts";
import { databaseOf } from "./support/database.ts";
import type { RawReply, Script } from "./support/raw_model.ts";
import { row } from "./support/rows.ts";
import { useStand } from "./support/stand.ts";

const stand = useStand({
  args: [
    "--connect-timeout", `${700 * slowness}ms`, "--first-byte-timeout", `${1200 * slowness}ms`,
    "--idle-timeout", `${900 * slowness}ms`,
  ],
});

async function refuse(to: RawReply, status: string, fields: Record<string, string> = {}): Promise<void> {
  const body = JSON.stringify({ error: { message: "not now", type: "test" } });
  await to.head({ "Transfer-Encoding": "", "Content-Type": "application/json", "Content-Length": `${body.length}`, ...fields }, status);
  await to.bytes(body);
  to.record.finished = true;
}
async function answer(to: RawReply): Promise<void> {
  await to.head();
  await to.text("here ");
  await to.text("it is");
  await to.whole();
}
/** Refused the first `times`, then answered. */
function refusing(times: number, status: string, fields: () => Record<string, string> = () => ({})): Script {
  return (to) => (to.attempt <= times ? refuse(to, status, fields()) : answer(to));
}

// The longest pauses without a wish of the model: full jitter below 0.5 s, then 1 s (engine/retry_policy.hpp).
const unasked = [500, 1000];

row("U1", "429 is tried again when the model wishes, at most as often as the budget says", { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  const recorder = stand.recorder();
  const cases: [string, () => Record<string, string>, number, number][] = [
    ["in seconds", () => ({ "Retry-After": "1" }), 1000, 1250],
    ["as a date", () => ({ "Retry-After": new Date(Date.now() + 2000).toUTCString() }), 900, 2250],
    ["in milliseconds", () => ({ "Retry-After-Ms": "300" }), 300, 550],
    ["absent", () => ({}), 0, unasked[0]!],
    ["in the past", () => ({ "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT" }), 0, 250],
    ["no time at all", () => ({ "Retry-After": "soon" }), 0, unasked[0]!],
    ["negative", () => ({ "Retry-After": "-5" }), 0, unasked[0]!],
  ];
  for (let n = 0; n < repeat; n++) {
    await Promise.all(cases.map(async ([name, fields, least, most]) => {
      const times = chance.between(1, 2);
      const seen = await stand.ask(recorder, refusing(times, "429 Too Many Requests", fields), `reader ${name}`);
      expect(seen.end, name).toMatchObject({ type: "done", status: "completed" });
      expect(seen.text).toBe("here it is");
      expect(seen.requests.length, name).toBe(times + 1);
      // A date has whole seconds, and the clocks are read at different moments; the queue looks at once when a task is due.
      for (let i = 1; i < seen.requests.length; i++) {
        const pause = seen.requests[i]!.received_at_ms - seen.requests[i - 1]!.received_at_ms;
        expect(pause, name).toBeGreaterThanOrEqual(least);
        const bound = most === unasked[0] ? unasked[i - 1]! : most;
        expect(pause, name).toBeLessThan(bound + 1500 * slowness);
      }
      tally.answers++;
      tally.faults += times;
    }));
    tally.repetitions++;
  }
  // A wish beyond reason is cut to a minute; the task says when it is due, and can be stopped meanwhile.
  const name = "absurd";
  stand.model.script(name, refusing(99, "429 Too Many Requests", () => ({ "Retry-After": "1000000000" })));
  const posted = await recorder.post("absurd", { script: name } as object);
  const due = await until("the task waits", async () => (await databaseOf(stand.engine).snapshot()).tasks.find((one) => one.id === posted.task && one.state === "delayed"));
  expect(due.runAt - Date.now()).toBeLessThanOrEqual(60_250);
  expect(due.runAt - Date.now()).toBeGreaterThan(40_000);
  expect(await recorder.cancel("absurd", posted.task)).toBe("cancelled");
  await recorder.follow("absurd", posted.task);
  // And who never stops refusing is not asked for ever.
  const spent = await stand.ask(recorder, refusing(99, "429 Too Many Requests"), "spent");
  expect(spent.end.type).toBe("error");
  expect(spent.message.error).toMatchObject({ code: "provider_rate_limited", retryable: true });
  expect(spent.requests.length).toBe(3);
  tally.answers += 2;
  await stand.judge(recorder, tally, "at the end");
});

row("U2", "500, 502, 503 and 529 are tried again as new attempts within the budget", { quick: 1, long: 30 }, async (repeat, chance, tally) => {
  const recorder = stand.recorder();
  const statuses = ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "529 Overloaded"];
  for (let n = 0; n < repeat; n++) {
    await Promise.all(statuses.map(async (status) => {
      const times = chance.between(1, 3);
      const seen = await stand.ask(recorder, refusing(times, status), `reader ${status}`);
      expect(seen.requests.length).toBe(Math.min(3, times + 1));
      if (times < 3) {
        expect(seen.end).toMatchObject({ type: "done", id: expect.stringMatching(new RegExp(`^${times + 1}-`)) });
        expect(seen.text).toBe("here it is");
      } else {
        expect(seen.end.type).toBe("error");
        expect(seen.message.error).toMatchObject({ code: "provider_unavailable" });
      }
      tally.answers++;
      tally.faults += Math.min(times, 3);
    }));
    tally.repetitions++;
  }
  await stand.judge(recorder, tally, "at the end");
});

/** Models that cannot be reached, by name. */
let elsewhere: Engine;
let plain: ReturnType<typeof createServer>;
let silent: ReturnType<typeof createServer>;
let folder: string;
beforeAll(async () => {
  const listening = async (server: ReturnType<typeof createServer>) => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  plain = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
  silent = createServer((socket) => socket.on("error", () => {}));
  const gone = createServer();
  const goneAt = await listening(gone);
  gone.close();
  folder = mkdtempSync(join(tmpdir(), "throughline-fault-"));
  const providers = {
    refused: `http://127.0.0.1:${goneAt}/v1`,
    tls: `https://127.0.0.1:${await listening(plain)}/v1`,
    dns: "http://model.invalid/v1",
    handshake: `https://127.0.0.1:${await listening(silent)}/v1`,
  };
  const sections = Object.entries(providers).map(
    ([name, base]) => `[providers.${name}]\nkind = "openai"\nbase_url = "${base}"\napi_key = "none"\nmodels = ["${name}"]\n`,
  );
  writeFileSync(join(folder, "throughline.toml"), sections.join("\n"), { mode: 0o600 });
  elsewhere = await startEngine({
    args: ["--config", join(folder, "throughline.toml"), "--connect-timeout", `${700 * slowness}ms`, "--failures-max", "2"],
  });
});
afterAll(async () => {
  await elsewhere?.dispose();
  plain?.close();
  silent?.close();
  rmSync(folder, { recursive: true, force: true });
});

row("U2", "a refused connection, a failed handshake and an unknown name are said to be that", { quick: 1, long: 10 }, async (repeat, _, tally) => {
  for (let n = 0; n < repeat; n++) {
    await Promise.all(["refused", "tls", "dns"].map(async (model) => {
      const posted = await elsewhere.ask("anybody?", { model });
      const seen = await readToEnd(elsewhere.somewhere, posted.task_id, { patience: 60_000 });
      expect(seen.terminal, model).toMatchObject({ chunk_type: "error", code: "provider_unreachable", retryable: true });
      expect(await elsewhere.task(posted.task_id)).toMatchObject({ attempt: 2, failures: 2, state: "failed" });
      tally.answers++;
      tally.faults += 2;
    }));
    tally.repetitions++;
  }
});

row("U3", "no connection, no first byte and a stall have a timer each", { quick: 1, long: 10 }, async (repeat, _, tally) => {
  const recorder = stand.recorder();
  const time = (ms: number) => (ms * slowness % 1000 === 0 ? `${(ms * slowness) / 1000} s` : `${ms * slowness} ms`);
  for (let n = 0; n < repeat; n++) {
    await Promise.all([
      (async () => {
        // A handshake that never ends is a connection that was never made.
        const posted = await elsewhere.ask("anybody?", { model: "handshake" });
        const seen = await readToEnd(elsewhere.somewhere, posted.task_id, { patience: 60_000 });
        expect(seen.terminal).toMatchObject({ chunk_type: "error", code: "provider_unreachable" });
        expect(seen.terminal!.content.replace(/(\d)(m?s)/, "$1 $2")).toContain(time(700));
      })(),
      ...([
        ["nothing at all", 1200, "", async (to) => to.gone()],
        ["a head only", 1200, "", async (to) => {
          await to.head();
          await to.gone();
        }],
        ["a stall between tokens", 900, "a beginning", async (to) => {
          await to.head();
          await to.text("a beginning");
          await to.gone();
        }],
      ] satisfies [string, number, string, Script][]).map(async ([name, after, text, script]: [string, number, string, Script]) => {
        const seen = await stand.ask(recorder, script, `reader ${name}`);
        expect(seen.end.type, name).toBe("error");
        expect(seen.message.error, name).toMatchObject({ code: "provider_timeout", retryable: true });
        expect(seen.message.error!.message.replace(/(\d)(m?s)/, "$1 $2"), name).toContain(time(after));
        expect(seen.message.content, name).toBe(text);
        expect(seen.requests.length, name).toBe(3);
        await until(`${name}: the requests are closed`, () => seen.requests.every((one) => one.closed_by_client));
      }),
      // Late is not lost: whoever goes on in time is waited for, and a later try may be quicker.
      (async () => {
        const seen = await stand.ask(recorder, async (to) => {
          if (to.attempt === 1) {
            await to.head();
            await to.text("not ");
            return to.gone();
          }
          await to.pause(500);
          await to.head();
          for (const word of ["late ", "but ", "whole"]) {
            await to.pause(400);
            await to.text(word);
          }
          await to.whole();
        }, "reader late");
        expect(seen).toMatchObject({ text: "late but whole", end: { type: "done" } });
        expect(seen.resets.length).toBe(1);
      })(),
    ]);
    tally.answers += 5;
    tally.faults += 12;
    tally.repetitions++;
  }
  await stand.judge(recorder, tally, "at the end");
});
