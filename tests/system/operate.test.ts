// `throughline inspect`, `task`, `queue` and `worker`: what a person who runs it types, against a real server, and what the server
// then does.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { type Model, startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment, until } from "./support/process.ts";
import { readToEnd } from "./support/stream.ts";

let home: string;
let model: Model;
let engine: Engine;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "throughline-operate-"));
  model = await startModel();
  engine = await startEngine({ model: model.base, args: ["--failures-max", "3"] });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
  rmSync(home, { recursive: true, force: true });
});

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

function run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((done) => {
    execFile(binary, args, { cwd: home, env: cleanEnvironment({ HOME: home, ...env }), timeout: 30_000 }, (error, stdout, stderr) => {
      done({ status: error ? (typeof error.code === "number" ? error.code : -1) : 0, stdout, stderr });
    });
  });
}

/** To the engine of this file; what it prints, once it has succeeded. */
async function say(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run([...args, "--url", engine.url]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

async function tell(...args: string[]): Promise<any> {
  return JSON.parse(await say(...args, "--json"));
}

const slow = wish({ tokens: 5000, pace_ms: 20 });

async function runs(task: string): Promise<void> {
  await until("it runs", async () => (await engine.task(task)).state === "running");
}

describe("inspect", () => {
  test("workers: what the process is, and what it runs", async () => {
    const posted = await engine.ask(slow);
    await runs(posted.task_id);
    await until("its heartbeat says so", async () => (await tell("inspect", "workers")).data[0].running === 1);
    const { data } = await tell("inspect", "workers");
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ state: "alive", process_id: engine.pid, queues: ["default", "chat", "email", "marketing"] });
    const lines = (await say("inspect", "workers")).split("\n");
    expect(lines[0]).toMatch(/^WORKER +STATE +RUNNING +LIMITS +QUEUES +STARTED +HOST +PROCESS +VERSION$/);
    expect(lines[1]).toMatch(new RegExp(`^${data[0].id}  alive +1/\\d+ +- +default,chat,email,marketing .* ${engine.pid} +\\d+\\.\\d+\\.\\d+$`));
    await say("task", "cancel", posted.task_id);
    await until("and that it has ended", async () => (await tell("inspect", "workers")).data[0].running === 0);
  });

  test("active, and task with its attempts", async () => {
    expect(await say("inspect", "active")).toBe("no task runs\n");
    const posted = await engine.ask(slow);
    await runs(posted.task_id);
    expect(await say("inspect", "active")).toMatch(new RegExp(`^TASK +RUNS +QUEUE[^\\n]*\\n${posted.task_id} +\\d+s +default +1 +running `));
    const whole = await tell("inspect", "task", posted.task_id);
    expect(whole).toMatchObject({ task_id: posted.task_id, owner: "local", state: "running", attempts: [{ attempt: 1, finished_at: null, error: null }] });
    expect(await say("task", "cancel", posted.task_id)).toBe(`task ${posted.task_id}: cancelled\n`);
    const text = await say("inspect", "task", posted.task_id);
    expect(text).toMatch(/^task_id +\S+\nstate +cancelled\nqueue +default\n/);
    expect(text).toMatch(/\nATTEMPT +STARTED +ENDED +WORKER +ERROR +MESSAGE\n1 +20\d\d-\S+Z +20\d\d-\S+Z +\S+ +- +-\n$/);
  });

  test("failed, newest first, and a page of it; retry answers anew", async () => {
    const failed: string[] = [];
    for (const key of ["one", "two"]) {
      const posted = await engine.ask(wish({ key, status: 401 }));
      await readToEnd(engine.url, posted.task_id);
      failed.unshift(posted.task_id);
    }
    const { data } = await tell("inspect", "failed");
    expect(data.map((one: { task_id: string }) => one.task_id)).toEqual(failed);
    const one = await run(["inspect", "failed", "--limit", "1", "--url", engine.url]);
    expect(one.stdout).toMatch(new RegExp(`^TASK +ENDED[^\\n]*\\n${failed[0]} +\\d+s ago +default +1 +provider_unauthorized +\\S[^\\n]*\\n$`));
    expect(one.stderr).toContain("there are more than these 1 (--limit, at most 200)");
    expect(one.status).toBe(0);
    const again = (await say("task", "retry", failed[1]!)).match(/^tried again as task (\S+)\n$/)![1]!;
    expect(again).not.toBe(failed[1]);
    await readToEnd(engine.url, again);
    const refused = await run(["task", "retry", (await engine.ask(wish({ tokens: 1 }))).task_id, "--url", engine.url]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^throughline: only a failed or cancelled answer can be tried again/);
  });

  test("scheduled: a retry that is due later, and after what", async () => {
    const posted = await engine.ask(wish({ key: "later", status: 503, retry_after: 20, fail_times: 1 }));
    await until("it waits for its retry", async () => (await tell("inspect", "scheduled")).data.length === 1);
    const text = await say("inspect", "scheduled");
    expect(text).toMatch(new RegExp(`\\n${posted.task_id} +\\d+s +default +1 +again after provider_unavailable\\n$`));
    expect(await tell("inspect", "task", posted.task_id)).toMatchObject({
      state: "queued", queue_state: "delayed", failures: 1, attempts: [{ attempt: 1, error: { code: "provider_unavailable" } }],
    });
    await say("task", "cancel", posted.task_id);
  });

  test("stats count what ended", async () => {
    const before = (await tell("inspect", "stats")).tasks.succeeded.hour;
    await readToEnd(engine.url, (await engine.ask(wish({ tokens: 1 }))).task_id);
    const after = await tell("inspect", "stats");
    expect(after.tasks.succeeded.hour).toBe(before + 1);
    expect(after.tasks).toMatchObject({ complete: true, unserved: 0 });
    expect(await say("inspect", "stats")).toMatch(/^ENDED IN THE LAST +MINUTE +HOUR +DAY\nsucceeded +\d+[^]*\nWORKERS +ALIVE +DRAINING +RUNNING\nall +1 +0 +\d+\/10000\n$/);
  });
});

test("a paused queue takes posts and begins none of them, until it is resumed", async () => {
  expect(await say("queue", "pause", "email")).toBe("queue email is paused; 0 ready, 0 running to their end\n");
  const held = await engine.ask(wish({ tokens: 2 }), { queue: "email" });
  const other = await engine.ask(wish({ tokens: 2 }));
  await readToEnd(engine.url, other.task_id);
  expect((await engine.task(held.task_id)).state).toBe("queued");
  const queues = await say("inspect", "queues");
  expect(queues).toMatch(/^QUEUE +STATE +WORKERS[^]*\nemail +paused +1 +1 +0 +0 +0 +0 +\d+s\n/);
  expect(queues).toMatch(/\ndefault +open +1 /);
  expect(await say("queue", "resume", "email")).toMatch(/^queue email goes on; \d ready\n$/);
  await readToEnd(engine.url, held.task_id);
  const unknown = await run(["queue", "pause", "no where", "--url", engine.url]);
  expect(unknown).toMatchObject({ status: 1, stderr: 'throughline: There is no queue "no where"\n' });
});

test("a worker that drains ends what it runs and begins nothing more; the server goes on and says so", async () => {
  const own = await startEngine({ model: model.base });
  try {
    const inspect = async (...args: string[]) => JSON.parse((await run([...args, "--json", "--url", own.url])).stdout);
    const first = await own.ask(wish({ tokens: 100, pace_ms: 20 }));
    await until("it runs", async () => (await own.task(first.task_id)).state === "running");
    const { id } = (await inspect("inspect", "workers")).data[0];
    const drained = await run(["worker", "drain", id, "--url", own.url]);
    expect(drained.stdout).toMatch(new RegExp(`^worker ${id}: draining; \\d+ running to their end\n$`));
    await own.running.waitFor(/asked to drain: nothing more is claimed/);
    const second = await own.ask(wish({ tokens: 2 }));
    expect((await readToEnd(own.url, first.task_id)).terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    expect((await own.task(second.task_id)).state).toBe("queued");
    expect((await inspect("inspect", "workers")).data[0].state).toBe("draining");
    await until("readiness says so", async () => {
      const { status, body } = await own.call("GET", "/readyz");
      expect(status).toBe(200);
      return body.status === "degraded" && body.parts.workers === "failing" && body.parts.worker === "ok" &&
        body.reasons.includes("no live worker serves the queue default, in which tasks wait");
    });
    // A new one begins.
    const again = await own.restart("SIGTERM");
    await readToEnd(again.url, second.task_id);
    await until("all is well", async () => (await again.call("GET", "/readyz")).body.status === "ready");
    await again.stop("SIGKILL");
  } finally {
    await own.dispose();
  }
});

describe("what goes wrong is said", () => {
  test.each([
    [["inspect"], /inspect what\? One of workers, queues, stats, active, scheduled, failed, task/],
    [["inspect", "worker"], /there is no "worker" to inspect.*did you mean "workers"\?/],
    [["inspect", "task"], /inspect task needs an id/],
    [["inspect", "queues", "x"], /inspect queues takes no id/],
    [["task", "stop", "x"], /task cannot "stop"; it can cancel, retry/],
    [["task", "cancel"], /task cancel needs the id of a task/],
    [["queue", "pause"], /queue pause needs the name of a queue/],
    [["worker"], /worker what\? One of drain/],
    [["inspect", "failed", "--limit", "0"], /--limit/],
    [["inspect", "workers", "--jsn"], /unknown flag --jsn; did you mean "--json"\?/],
  ])("%j is wrong usage", async (args, says) => {
    const { status, stdout, stderr } = await run(args);
    expect(stderr).toMatch(says);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  test("an id of nobody, and a server that is away", async () => {
    const nobody = await run(["inspect", "task", "0199d3f0-0000-7000-8000-000000000000", "--url", engine.url]);
    expect(nobody).toMatchObject({ status: 1, stdout: "", stderr: "throughline: no such task\n" });
    const away = await run(["inspect", "workers", "--url", "http://127.0.0.1:1"]);
    expect(away.status).toBe(1);
    expect(away.stderr).toMatch(/^throughline: no server answers at http:\/\/127\.0\.0\.1:1 [^]*throughline serve --listen 127\.0\.0\.1:1/);
  });

  test("the server of a data directory is found without its address", async () => {
    const { status, stdout } = await run(["inspect", "stats", "--data-dir", engine.dataDir]);
    expect(status).toBe(0);
    expect(stdout).toContain("succeeded");
  });

  test("the access token goes with every call, from the environment or from a file", async () => {
    const heard: IncomingMessage["headers"][] = [];
    const other = createServer((request, reply) => {
      heard.push(request.headers);
      reply.setHeader("Content-Type", "application/json");
      reply.end('{"data":[],"next_cursor":null}');
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => other.once("listening", listening));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const file = join(home, "token");
    writeFileSync(file, "from-a-file\n");
    expect((await run(["inspect", "active", "--url", url], { THROUGHLINE_ACCESS_TOKEN: "typed" })).stdout).toBe("no task runs\n");
    await run(["inspect", "active", "--url", url], { THROUGHLINE_ACCESS_TOKEN_FILE: file });
    await run(["inspect", "active", "--url", url]);
    other.close();
    expect(heard.map((one) => one.authorization)).toEqual([
      "Bearer typed", "Bearer typed", "Bearer from-a-file", "Bearer from-a-file", undefined, undefined,
    ]);
  });
});
