// Seeing inside: the numbers of /metrics move as what happens says, dashboards and alerts use names that exist, and the log
// tells the story of an answer without telling its text.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Engine, type EngineOptions, startEngine } from "./support/engine.ts";
import { Metrics, readMetrics } from "./support/metrics.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readOnce, readToEnd, Transcript } from "./support/stream.ts";

const root = resolve(import.meta.dirname, "../..");

let model: Model;
beforeAll(async () => {
  model = await startModel();
});
afterAll(async () => {
  await model?.stop();
});

/** An engine that is gone when the test is over, whatever came of it. */
const started: Engine[] = [];
async function engineFor(options: EngineOptions): Promise<Engine> {
  const engine = await startEngine(options);
  started.push(engine);
  return engine;
}
afterEach(async () => {
  for (const engine of started.splice(0)) await engine.dispose();
});

describe("metrics", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ model: model.base });
  });
  afterAll(async () => {
    await engine?.dispose();
  });

  /** What has changed when `condition` holds; the counters of one answer come within moments of its end. */
  async function changes(before: Metrics, condition: (change: (name: string, labels?: object) => number) => boolean) {
    return until("the numbers that were expected", async () => {
      const after = await readMetrics(engine.url);
      const change = (name: string, labels: object = {}) => after.value(name, labels) - before.value(name, labels);
      return condition(change) && change;
    });
  }

  test("are in Prometheus's text format", async () => {
    const reply = await fetch(`${engine.url}/metrics`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const metrics = new Metrics(await reply.text());
    for (const name of metrics.names()) {
      expect(metrics.help(name), name).not.toBe("");
      expect(["counter", "gauge", "histogram"]).toContain(metrics.type(name));
    }
    expect(metrics.value("throughline_build_info")).toBe(1);
    expect(metrics.value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(metrics.value("process_open_fds")).toBeGreaterThan(5);
    expect(metrics.value("process_start_time_seconds")).toBeLessThanOrEqual(Date.now() / 1000 + 1);
    expect(metrics.value("process_start_time_seconds")).toBeGreaterThan(Date.now() / 1000 - 600);
  });

  test("follow an answer from the post to its reader", async () => {
    const before = await readMetrics(engine.url);
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 30, pace_ms: 2 }));
    const seen = await readToEnd(engine.url, posted.task_id);
    const change = await changes(before, (c) => c("throughline_answers_total", { ending: "completed" }) === 1);
    expect(change("throughline_tasks_accepted_total")).toBe(1);
    expect(change("throughline_attempts_total")).toBe(1);
    expect(change("throughline_attempts_failed_total")).toBe(0);
    expect(change("throughline_retries_total")).toBe(0);
    expect(change("throughline_answers_total")).toBe(1);
    expect(change("throughline_task_wait_seconds_count")).toBe(1);
    expect(change("throughline_answer_first_chunk_seconds_count")).toBe(1);
    expect(change("throughline_answer_seconds_count")).toBe(1);
    expect(change("throughline_chunks_appended_total")).toBe(seen.index + 1);
    expect(change("throughline_database_commit_seconds_count")).toBeGreaterThanOrEqual(3);
    expect(change("throughline_database_commit_transactions_sum")).toBeGreaterThanOrEqual(3);
    expect(change("throughline_database_commit_failures_total")).toBe(0);
    const route = { method: "POST", route: "/conversations/{id}/messages", status: "2xx" };
    expect(change("throughline_http_requests_total", route)).toBe(1);
    expect(change("throughline_http_request_seconds_count", { method: "GET", route: "/stream/{id}" })).toBe(1);
    expect(change("throughline_chunk_logs")).toBe(1);
    expect(change("throughline_stream_gaps_total")).toBe(0);
    expect(change("throughline_stream_resumes_total")).toBe(0);
  });

  test("measure how long chunks are under way, for readers that were there before", async () => {
    const before = await readMetrics(engine.url);
    await until("a measured chunk", async () => {
      const posted = await engine.ask(wish({ key: freshKey(), tokens: 20, pace_ms: 10, first_ms: 100 }));
      await readToEnd(engine.url, posted.task_id);
      const after = await readMetrics(engine.url);
      const name = "throughline_append_to_write_seconds";
      return after.value(`${name}_count`) > before.value(`${name}_count`) && after.value(`${name}_sum`) > 0;
    });
  });

  test("tell a retry and its cause, and an answer that fails", async () => {
    const before = await readMetrics(engine.url);
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 5, status: 503, fail_times: 1 }));
    await readToEnd(engine.url, posted.task_id);
    let change = await changes(before, (c) => c("throughline_answers_total", { ending: "completed" }) === 1);
    expect(change("throughline_attempts_total")).toBe(2);
    expect(change("throughline_attempts_failed_total", { cause: "provider_unavailable" })).toBe(1);
    expect(change("throughline_retries_total", { cause: "provider_unavailable" })).toBe(1);
    expect(change("throughline_retries_total")).toBe(1);
    const refused = await engine.ask(wish({ key: freshKey(), status: 400 }));
    await readToEnd(engine.url, refused.task_id);
    change = await changes(before, (c) => c("throughline_answers_total", { ending: "error" }) === 1);
    expect(change("throughline_attempts_failed_total", { cause: "provider_refused" })).toBe(1);
    expect(change("throughline_retries_total")).toBe(1);
  });

  test("tell a cancel, a reader that leaves, and one that resumes", async () => {
    const before = await readMetrics(engine.url);
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 100_000, pace_ms: 10 }));
    const transcript = new Transcript();
    await readOnce(engine.url, posted.task_id, transcript, { cutAfter: 5 });
    await changes(before, (c) => c("throughline_followers") === 0);
    const rest = readToEnd(engine.url, posted.task_id, { transcript });
    let change = await changes(before, (c) => c("throughline_followers") === 1);
    expect(change("throughline_worker_running")).toBe(1);
    expect(change("throughline_stream_resumes_total")).toBe(1);
    expect([200, 202]).toContain((await engine.call("POST", `/tasks/${posted.task_id}/cancel`)).status);
    await rest;
    change = await changes(before, (c) => c("throughline_followers") === 0);
    expect(change("throughline_answers_total", { ending: "cancelled" })).toBe(1);
    expect(change("throughline_attempts_failed_total")).toBe(0);
    expect(change("throughline_worker_running")).toBe(0);
  });

  test("count requests that no route takes and those that are no HTTP", async () => {
    const before = await readMetrics(engine.url);
    expect((await engine.call("GET", "/nonsense/7")).status).toBe(404);
    expect((await engine.call("DELETE", "/models")).status).toBe(405);
    const bad = await fetch(`${engine.url}/conversations`, { headers: { "X-Large": "x".repeat(20_000) } });
    expect([400, 431]).toContain(bad.status);
    const change = await changes(before, () => true);
    expect(change("throughline_http_requests_total", { method: "GET", route: "none", status: "4xx" })).toBe(1);
    expect(change("throughline_http_requests_total", { method: "DELETE", route: "none", status: "4xx" })).toBe(1);
    expect(change("throughline_http_refused_total")).toBe(1);
  });

  test("show tasks of a queue that nobody serves", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "throughline-"));
    // A model that never answers, so that tasks of the second conversation wait behind the cap.
    const options = { model: model.base, dataDir, args: ["--running-tasks-per-principal-max", "1"] };
    const first = await engineFor(options);
    const running = await first.ask(wish({ key: freshKey(), tokens: 10, first_ms: 60_000 }), { queue: "email" });
    await until("the first one runs", async () => (await first.task(running.task_id)).state === "running");
    await first.ask(wish({ key: freshKey(), tokens: 10 }), { queue: "email" });
    await first.stop("SIGKILL");
    const second = await engineFor({ ...options, args: ["--queues", "default,chat"] });
    const metrics = await readMetrics(second.url);
    expect(metrics.value("throughline_queue_unserved_tasks")).toBe(2);
    expect(metrics.value("throughline_queue_tasks", { queue: "email" })).toBe(2);
    expect(metrics.value("throughline_queue_oldest_seconds", { queue: "email" })).toBeGreaterThanOrEqual(0);
    expect(metrics.value("throughline_tasks", { state: "ready" })).toBe(2);
    expect(metrics.value("throughline_retries_total", { cause: "restart" })).toBe(1);
  });
});

describe("dashboards, alerts and documents", () => {
  let exposed: Metrics;
  beforeAll(async () => {
    // Everything has happened at least once here, so that no series is missing.
    const engine = await startEngine({ model: model.base, args: ["--provider-limits", "openai=50"] });
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 5, status: 503, fail_times: 1 }));
    await readToEnd(engine.url, posted.task_id);
    await fetch(`${engine.url}/models`, { headers: { "X-Large": "x".repeat(20_000) } });
    exposed = await readMetrics(engine.url);
    await engine.dispose();
  });

  /** Labels that Prometheus adds, and those of its own metrics. */
  const everywhere = ["instance", "job", "le"];

  /** What is wrong with an expression: metrics that are not exposed, labels they do not have. */
  function mistakesIn(expression: string): string[] {
    const found: string[] = [];
    const words = /\b((?:throughline|process)_[a-z_]+)\b(?:\s*\{([^}]*)\})?/g;
    const used = new Set<string>(everywhere);
    let uses = 0;
    for (const [, name, matchers] of expression.matchAll(words)) {
      uses++;
      if (!exposed.hasSample(name!)) {
        found.push(`${name} is not exposed`);
        continue;
      }
      for (const label of exposed.labels(name!)) used.add(label);
      for (const [, label] of (matchers ?? "").matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)) {
        if (![...everywhere, ...exposed.labels(name!)].includes(label!)) found.push(`${name} has no label ${label}`);
      }
    }
    for (const [, list] of expression.matchAll(/\b(?:by|without|ignoring|on)\s*\(([^)]*)\)/g)) {
      for (const label of list!.split(",").map((text) => text.trim())) {
        if (label !== "" && !used.has(label)) found.push(`nothing in ${expression} has a label ${label}`);
      }
    }
    if (uses === 0 && !expression.includes("up{")) found.push(`no metric in ${expression}`);
    return found;
  }

  test("the check finds a wrong name and a wrong label", () => {
    expect(mistakesIn("rate(throughline_nonsense_total[5m])")).toHaveLength(1);
    expect(mistakesIn('throughline_tasks{queue="a"}')).toHaveLength(1);
    expect(mistakesIn("sum by (flavour) (throughline_tasks)")).toHaveLength(1);
    expect(mistakesIn("sum by (state) (throughline_tasks)")).toHaveLength(0);
  });

  test("the dashboard uses what is exposed", () => {
    const dashboard = JSON.parse(readFileSync(join(root, "deploy/grafana/throughline.json"), "utf8"));
    const expressions: string[] = [];
    const collect = (node: unknown): void => {
      if (Array.isArray(node)) node.forEach(collect);
      else if (node !== null && typeof node === "object") {
        for (const [key, value] of Object.entries(node)) {
          if (key === "expr" && typeof value === "string") expressions.push(value);
          else collect(value);
        }
      }
    };
    collect(dashboard);
    expect(expressions.length).toBeGreaterThan(20);
    expect(expressions.flatMap(mistakesIn)).toEqual([]);
    // Every panel has a place of its own, and an id.
    const ids = dashboard.panels.map((panel: { id: number }) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
    const legends = expressions.length;
    expect(legends).toBe(dashboard.panels.flatMap((panel: { targets?: unknown[] }) => panel.targets ?? []).length);
  });

  const rules = readFileSync(join(root, "deploy/prometheus/throughline.rules.yml"), "utf8");
  /** The rules, read by their layout: a name, an expression on one line or several, and so on. */
  function alerts(): { name: string; expr: string; text: string }[] {
    return rules.split(/^ {6}- alert: /m).slice(1).map((text) => {
      const name = text.slice(0, text.indexOf("\n")).trim();
      const expr = text.match(/^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/m);
      return { name, expr: (expr?.[1] ?? expr?.[2] ?? "").trim(), text };
    });
  }

  test("the alert rules use what is exposed, and each is explained", () => {
    const all = alerts();
    expect(all.length).toBeGreaterThan(10);
    const operations = readFileSync(join(root, "docs/operations.md"), "utf8");
    for (const { name, expr, text } of all) {
      expect(name).toMatch(/^Throughline[A-Za-z]+$/);
      expect(mistakesIn(expr), name).toEqual([]);
      expect(text, name).toMatch(/^ {8}labels: \{ severity: (critical|warning|info) \}$/m);
      expect(text, name).toMatch(/^ {10}summary: ".+"$/m);
      expect(operations, `docs/operations.md explains ${name}`).toContain(`| \`${name}\` |`);
    }
    expect(new Set(all.map((one) => one.name)).size).toBe(all.length);
  });

  test.each([
    ["the rules and what scrapes are what Prometheus accepts", "check", "config", "deploy/prometheus/prometheus.yml"],
    ["the alarms go off when they should, and not otherwise", "test", "rules", "tests/system/alerts.yml"],
  ])("%s", (_, ...args) => {
    const checked = spawnSync("promtool", [args[0]!, args[1]!, join(root, args[2]!)]);
    expect(checked.status, `${checked.error ?? ""}${checked.stdout}${checked.stderr}`).toBe(0);
  });

  test("every metric is described in docs/operations.md, with its labels, and no other", () => {
    const operations = readFileSync(join(root, "docs/operations.md"), "utf8");
    const described = new Map<string, string[]>();
    for (const [, name, labels] of operations.matchAll(/^\| `((?:throughline|process)_[a-z_]+)(?:\{([a-z_, ]+)\})?` \|/gm)) {
      described.set(name!, (labels ?? "").split(", ").filter((label) => label !== ""));
    }
    const names = exposed.names();
    expect([...described.keys()].sort()).toEqual([...names].sort());
    for (const name of names) expect(described.get(name), name).toEqual(exposed.labels(name).filter((l) => l !== "le"));
  });
});

describe("the log", () => {
  test("tells the story of an answer, for people", async () => {
    const engine = await engineFor({ model: model.base, args: ["--log-level", "debug"] });
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 120, pace_ms: 1, status: 503, fail_times: 1 }));
    const transcript = await readToEnd(engine.url, posted.task_id);
    const later = new Transcript();
    later.attempt = transcript.attempt;
    later.index = 3;
    later.position = `${transcript.attempt}-3`;
    await readToEnd(engine.url, posted.task_id, { transcript: later });
    const task = `\\[Task ${posted.task_id}\\]`;
    const stream = `\\[Stream ${posted.task_id}\\]`;
    const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
    const patterns = [
      `^${time} info ${task} accepted request_id=\\S+ conversation=\\S+$`,
      `^${time} info ${task} claimed attempt=1$`,
      `^${time} info ${task} goes back to the queue attempt=1 cause=provider_unavailable delay=\\d+ms$`,
      `^${time} info ${task} claimed attempt=2$`,
      `^${time} info ${task} first chunk attempt=2 TTFB: \\d+\\.\\d{3}s$`,
      `^${time} debug ${task} goes on attempt=2 chunks=50$`,
      `^${time} debug ${task} goes on attempt=2 chunks=100$`,
      `^${time} info ${task} completed attempt=2 chunks=\\d+ tokens=\\d+ latency=\\d+ms$`,
    ];
    for (const pattern of patterns) await engine.running.waitFor(new RegExp(pattern, "m"));
    await engine.running.waitFor(new RegExp(`^${time} info ${stream} attached request_id=\\S+ from=start$`, "m"));
    await engine.running.waitFor(new RegExp(`^${time} info ${stream} resumed request_id=\\S+ from=2-3$`, "m"));
    await engine.running.waitFor(
      new RegExp(`^${time} info ${stream} ended request_id=\\S+ how=whole position=2-\\d+ chunks=\\d+ time=\\d+ms$`, "m"),
    );
  });

  test("is JSON, if that is asked for", async () => {
    const engine = await engineFor({ model: model.base, args: ["--log-format", "json"] });
    const posted = await engine.ask(wish({ key: freshKey(), tokens: 20 }));
    await readToEnd(engine.url, posted.task_id);
    await engine.running.waitFor(/"event":"stream ended"/);
    await engine.running.waitFor(/"event":"task completed"/);
    const lines = engine.running.output().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    const of = (event: string) => lines.find((line) => line.event === event && line.task === posted.task_id);
    expect(of("task accepted")).toMatchObject({ level: "info", request_id: expect.any(String) });
    expect(of("task first chunk")).toMatchObject({ attempt: 1, ttfb_ms: expect.any(Number) });
    expect(of("task completed")).toMatchObject({
      attempt: 1, chunks: expect.any(Number), tokens: expect.any(Number), latency_ms: expect.any(Number),
    });
    expect(of("stream attached")).toMatchObject({ from: "start" });
  });

  test("says neither texts nor keys, whatever happens", async () => {
    const secret = "sk-canary-9f27c1d4";
    const canary = "zebra-canary-4711";
    for (const format of ["text", "json"]) {
      const engine = await engineFor({
        model: model.base, args: ["--log-level", "debug", "--log-format", format], env: { THROUGHLINE_OPENAI_API_KEY: secret },
      });
      const wishes = [{ text: `${canary} is the answer` }, { status: 401 }, { status: 400 }, { status: 503, fail_times: 1 },
        { in_band_error_after: 3 }, { cut_after_tokens: 3 }, { html: true }, { no_finish: true }];
      const conversation = await engine.conversation({ title: canary, system_prompt: `be ${canary}` });
      for (const what of wishes) {
        const posted = await engine.post(conversation.id, JSON.stringify({ mock: { tokens: 60, key: canary, ...what }, canary }));
        const answer = readToEnd(engine.url, posted.task_id);
        const happened = "(first chunk|failed|goes back)";
        await engine.running.waitFor(new RegExp(`${posted.task_id}.*${happened}|${happened}.*${posted.task_id}`));
        await engine.call("POST", `/tasks/${posted.task_id}/cancel`);
        await answer;
      }
      await engine.call("GET", `/conversations?q=${canary}`);
      await engine.call("POST", "/conversations", { [canary]: 1 });
      await fetch(`${engine.url}/models`, { headers: { Authorization: `Bearer ${secret}` } });
      await engine.stop();
      const output = engine.running.output();
      expect(output).toMatch(/first chunk/);
      expect(output).not.toContain(canary);
      expect(output).not.toContain("canary");
      expect(output).not.toContain(secret);
    }
  });

  test("nobody who reads it holds nothing up", async () => {
    const engine = await engineFor({ model: model.base, args: ["--log-level", "debug"] });
    // The reading end of both pipes stops: they fill up, then the buffer does.
    engine.running.child.stdout!.pause();
    engine.running.child.stderr!.pause();
    const conversations = await Promise.all(Array.from({ length: 20 }, () => engine.conversation()));
    // A line every 50 chunks, a hundred bytes each: a megabyte and 64 KiB are about a hundred of these answers.
    const lines = () => readMetrics(engine.url).then((metrics) => metrics.value("throughline_log_lines_lost_total"));
    for (let round = 0; round < 30 && (await lines()) === 0; round++) {
      const answers = await Promise.all(conversations.map((one) => engine.post(one.id, wish({ tokens: 5_000, pace_ms: 0 }))));
      for (const answer of answers) {
        await until("the answer ends", async () => (await engine.task(answer.task_id)).state === "succeeded");
      }
    }
    expect(await lines()).toBeGreaterThan(0);
    expect((await engine.call("GET", "/readyz")).status).toBe(200);
    engine.running.child.stdout!.resume();
    engine.running.child.stderr!.resume();
    await engine.ask("one more line");
    await engine.running.waitFor(/log lines were lost count=\d+/);
  });
});

describe("readiness", () => {
  test("names its parts", async () => {
    const engine = await engineFor({ model: model.base });
    expect(await engine.expect(200, "GET", "/readyz")).toEqual({
      status: "ready", parts: { database: "ok", worker: "ok", event_loops: "ok", storage: "ok", workers: "ok" },
    });
  });
});
