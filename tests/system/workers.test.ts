// Many processes on one database: what is seen of all of them from one, and what `worker drain` does to a process that only works.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Shared, startShared, urlOf } from "./support/engine.ts";
import { type Model, startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment, type Running, slowness, start, until } from "./support/process.ts";

let model: Model;
let shared: Shared;
let home: string;
let api: Running;
let url: string;
const workers: Running[] = [];

function begin(args: string[]): Running {
  return start(["serve", "--listen", "127.0.0.1:0", "--data-dir", home, "--event-loops", "1", ...args], {
    cwd: home,
    env: {
      DATABASE_URL: shared.database, REDIS_URL: shared.redis.url,
      OPENAI_BASE_URL: model.base, OPENAI_API_KEY: "sk-test-secret", OPENAI_MODEL: "mock",
    },
  });
}

beforeAll(async () => {
  model = await startModel();
  shared = await startShared();
  home = mkdtempSync(join(tmpdir(), "throughline-workers-"));
  api = begin(["--role", "api"]);
  url = await urlOf(api);
});
afterAll(async () => {
  for (const one of [api, ...workers]) await one?.end("SIGKILL");
  await shared?.redis.dispose();
  await model?.stop();
  rmSync(home, { recursive: true, force: true });
});

async function addWorker(...args: string[]): Promise<Running> {
  const worker = begin(["--role", "worker", ...args]);
  workers.push(worker);
  await urlOf(worker);
  return worker;
}

async function call(method: string, path: string, body?: object): Promise<any> {
  const reply = await fetch(url + path, {
    method, ...(body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {}),
  });
  return reply.json();
}

async function ask(content: string, queue = "default"): Promise<string> {
  const { id } = await call("POST", "/conversations", {});
  return (await call("POST", `/conversations/${id}/messages`, { content, queue })).task_id;
}

const stateOf = async (task: string): Promise<string> => (await call("GET", `/admin/tasks/${task}`)).state;

function tell(...args: string[]): Promise<any> {
  return new Promise((done, failed) => {
    execFile(binary, [...args, "--json", "--url", url], { env: cleanEnvironment({ HOME: home }) }, (error, stdout) => {
      if (error) failed(error);
      else done(JSON.parse(stdout));
    });
  });
}

/** The row of a process, once it is there. */
function rowOf(worker: Running): Promise<any> {
  return until("the worker is seen", async () => (await tell("inspect", "workers")).data.find((one: any) => one.process_id === worker.pid));
}

async function readiness(status: string, reason?: string): Promise<void> {
  await until(`${status}: ${reason}`, async () => {
    const now = await call("GET", "/readyz");
    return now.status === status && (reason === undefined || now.reasons.includes(reason));
  }, 30_000);
}

test("an API process says that there is no worker, and sees the ones that come", async () => {
  await readiness("degraded", "no worker is alive: what is posted waits until one is started");
  const first = await addWorker("--queues", "default,chat");
  const second = await addWorker("--queues", "email");
  expect(await rowOf(first)).toMatchObject({ state: "alive", queues: ["default", "chat"], running: 0 });
  expect(await rowOf(second)).toMatchObject({ state: "alive", queues: ["email"] });
  await readiness("ready");
  const { data } = await tell("inspect", "queues");
  expect(Object.fromEntries(data.map((one: any) => [one.name, one.workers]))).toMatchObject({ default: 1, chat: 1, email: 1, marketing: 0 });
});

test("a queue is paused for all workers, wherever it was asked for", async () => {
  await tell("queue", "pause", "email");
  const held = await ask(wish({ tokens: 1 }), "email");
  const other = await ask(wish({ tokens: 1 }));
  await until("the other queue is served", async () => (await stateOf(other)) === "succeeded");
  expect(await stateOf(held)).toBe("queued");
  await tell("queue", "resume", "email");
  await until("and this one again", async () => (await stateOf(held)) === "succeeded");
});

test("a worker that drains ends its answers, and then its process", async () => {
  const [first] = workers;
  const { id } = await rowOf(first!);
  const running = await ask(wish({ tokens: 100, pace_ms: 20 }));
  await until("it runs", async () => (await stateOf(running)) === "running");
  expect(await tell("worker", "drain", id)).toMatchObject({ state: "draining" });
  await first!.waitFor(/asked to drain: nothing more is claimed/);
  const left = await ask(wish({ tokens: 1 }));
  expect(await first!.ended).toBe(0);
  expect(await stateOf(running)).toBe("succeeded");
  expect((await tell("inspect", "task", running)).attempts).toHaveLength(1);
  expect(await stateOf(left)).toBe("queued");
  expect((await tell("inspect", "workers")).data.map((one: any) => one.process_id)).toEqual([workers[1]!.pid]);
  await readiness("degraded", "no live worker serves the queue default, in which tasks wait");
  expect((await tell("inspect", "stats")).tasks.unserved).toBe(1);
  await addWorker();
  await until("another one takes it", async () => (await stateOf(left)) === "succeeded");
  await readiness("ready");
});

test("a worker that was killed is lost when its lease has ended", async () => {
  const second = workers[1]!;
  const { id } = await rowOf(second);
  await second.end("SIGKILL");
  await until("it is lost", async () => (await tell("inspect", "workers")).data.find((one: any) => one.id === id).state === "lost", 10_000 * slowness);
  expect((await tell("inspect", "stats")).workers.alive).toBe(1);
});
