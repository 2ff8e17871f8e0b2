// Limits of providers: what is over one waits in the queue, unclaimed, and whoever asks another provider does not notice.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, isMany, startEngine } from "./support/engine.ts";
import { readMetrics } from "./support/metrics.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment, until } from "./support/process.ts";
import { readToEnd } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  const dataDir = mkdtempSync(join(tmpdir(), "throughline-"));
  const provider = (name: string) => `[providers.${name}]\nkind = "openai"\nbase_url = "${model.base}"\nmodels = ["of-${name}"]\n`;
  writeFileSync(join(dataDir, "throughline.toml"), `default_model = "of-busy"\n${provider("busy")}${provider("idle")}`);
  engine = await startEngine({ dataDir, args: ["--provider-limits", "busy=2"] });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

const operator = (task: string) => engine.expect(200, "GET", `/admin/tasks/${task}`);

describe("a provider with a limit", () => {
  test("is asked for so many answers; the others begin when one ends, and nobody else waits", async () => {
    const asked: { task: string; key: string }[] = [];
    const open = async () => {
      const states = await Promise.all(asked.map((one) => engine.task(one.task)));
      return { running: states.filter((one) => one.state === "running").length, queued: states.filter((one) => one.state === "queued").length };
    };
    for (let n = 0; n < 6; n++) {
      const key = freshKey();
      // The last is for the provider that the conversation names, the others for the default.
      const more = n === 5 ? { model: "busy/of-busy" } : {};
      asked.push({ key, task: (await engine.ask(wish({ key, tokens: 5000, pace_ms: 20 }), more)).task_id });
    }
    await until("two of them run", async () => (await open()).running === 2);
    for (let n = 0; n < 5; n++) {
      const seen = await readToEnd(engine.url, (await engine.ask(wish({ tokens: 5 }), { model: "of-idle" })).task_id);
      expect(seen.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    }
    expect(await open()).toEqual({ running: 2, queued: 4 });
    const waiting = await Promise.all(asked.map((one) => operator(one.task)));
    for (const one of waiting.filter(({ state }) => state === "queued")) {
      expect(one).toMatchObject({ queue_state: "ready", provider: "busy", attempt: 0, failures: 0, worker_id: null, attempts: [] });
    }
    const table = execFileSync(binary, ["inspect", "workers", "--url", engine.url], { env: cleanEnvironment({}) }).toString();
    expect(table).toMatch(/^WORKER +STATE +RUNNING +LIMITS +QUEUES [^]* busy=2 +default,/);
    if (!isMany) {
      const metrics = await readMetrics(engine.url);
      expect(metrics.value("throughline_provider_limit", { provider: "busy" })).toBe(2);
      expect(metrics.value("throughline_provider_running", { provider: "busy" })).toBe(2);
    }
    for (let left = 6; left > 0; left--) {
      const states = await Promise.all(asked.map(async (one) => ({ ...one, state: (await engine.task(one.task)).state })));
      const running = states.filter(({ state }) => state === "running");
      expect(running.length).toBeLessThanOrEqual(2);
      await engine.call("POST", `/tasks/${running[0]!.task}/cancel`);
      await until("the next begins", async () => (await open()).running === Math.min(2, left - 1));
    }
    for (const { key } of asked) expect((await model.requests(key)).length, "each is asked for once").toBe(1);
  });

  test("may turn out to be another one: the conversation's model is changed while its message waits", async () => {
    const blocking = await Promise.all([0, 1].map(() => engine.ask(wish({ tokens: 5000, pace_ms: 20 }))));
    await until("both places taken", async () => (await Promise.all(blocking.map((one) => engine.task(one.task_id)))).every((one) => one.state === "running"));
    const conversation = await engine.conversation({ model: "of-idle" });
    const first = await engine.post(conversation.id, wish({ tokens: 5000, pace_ms: 20 }));
    const key = freshKey();
    const second = await engine.post(conversation.id, wish({ key, tokens: 5 }));
    await engine.expect(200, "PATCH", `/conversations/${conversation.id}`, { model: "of-busy" });
    await engine.call("POST", `/tasks/${first.task_id}/cancel`);
    await until("it waits for the other one", async () => (await operator(second.task_id)).provider === "busy");
    expect((await engine.task(second.task_id)).state).toBe("queued");
    expect(await model.requests(key)).toEqual([]);
    for (const one of blocking) await engine.call("POST", `/tasks/${one.task_id}/cancel`);
    expect((await readToEnd(engine.url, second.task_id)).terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    expect(await operator(second.task_id)).toMatchObject({ failures: 0, provider: "busy" });
  });
});
