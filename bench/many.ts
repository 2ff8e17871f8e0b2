// Many processes: two API processes and two workers over Redis and PostgreSQL, the mock model and the load test.
//
//   node bench/many.ts BINARY [ROW...]
import { type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Postgres, Redis } from "../tests/system/support/servers.ts";
import { bench, binary, figure, measure, type Report, result, type Row, sleep, start, stop } from "./measure.ts";

const ticksPerSecond = 100;

/** CPU seconds of a process and everything it has started, those that have ended included. */
function cpuOfTree(pid: number): number {
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
      // utime, stime, and the same of children that were waited for.
      ticks.set(Number(name), fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0));
    } catch {
      // It has ended.
    }
  }
  const sum = (of: number): number => (ticks.get(of) ?? 0) + (children.get(of) ?? []).reduce((all, child) => all + sum(child), 0);
  return sum(pid) / ticksPerSecond;
}

class Many {
  readonly folder = mkdtempSync(join(tmpdir(), "throughline-bench-"));
  postgres!: Postgres;
  redis!: Redis;
  database!: string;
  model!: { child: ChildProcess; url: string };
  readonly apis: { child: ChildProcess; url: string }[] = [];
  readonly workers: ChildProcess[] = [];

  static async begin(): Promise<Many> {
    const many = new Many();
    many.postgres = await Postgres.begin(["shared_preload_libraries=pg_stat_statements"]);
    many.database = many.postgres.newDatabase();
    many.sql("CREATE EXTENSION pg_stat_statements");
    many.redis = await Redis.begin();
    many.model = await start(["mock-model", "--listen", "127.0.0.1:0"], /listening on (http:\/\/\S+)/);
    for (const role of ["api", "worker", "api", "worker"]) {
      const one = await many.serve(role);
      if (role === "api") many.apis.push(one);
      else many.workers.push(one.child);
    }
    return many;
  }

  serve(role: string) {
    return start(["serve", "--role", role, "--listen", "127.0.0.1:0", "--data-dir", this.folder, "--log-level", "error", "--event-loops", "1"],
      /ready at (http:\/\/\S+)/, {
        OPENAI_API_KEY: "none", OPENAI_MODEL: "mock", OPENAI_BASE_URL: this.model.url,
        DATABASE_URL: this.database, REDIS_URL: this.redis.url,
      });
  }

  sql(text: string): string {
    return this.postgres.sql(text, new URL(this.database).pathname.slice(1));
  }

  bench(name: string, args: string[]): Promise<Report> {
    return bench(`many-${name}`, [...this.apis.flatMap((api) => ["--url", api.url]), "--mock-url", this.model.url, ...args]);
  }

  /** CPU seconds so far. */
  cost() {
    const of = (children: ChildProcess[]) => children.reduce((sum, child) => sum + cpuOfTree(child.pid!), 0);
    return {
      api: of(this.apis.map((api) => api.child)), worker: of(this.workers),
      redis: cpuOfTree(this.redis.pid), postgres: cpuOfTree(this.postgres.pid),
    };
  }

  async end(): Promise<void> {
    for (const child of [...this.apis.map((api) => api.child), ...this.workers]) await stop(child, "SIGKILL");
    await stop(this.model.child, "SIGKILL");
    await this.redis.dispose();
    await this.postgres.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function withMany<T>(work: (many: Many) => Promise<T>): Promise<T> {
  const many = await Many.begin();
  try {
    return await work(many);
  } finally {
    await many.end();
  }
}

/** What a run cost for each delivered chunk, and who it was. */
async function costed(many: Many, run: () => Promise<Report>) {
  const before = many.cost();
  const report = await run();
  const after = many.cost();
  const parts = (Object.keys(before) as (keyof typeof before)[]).map((who) => {
    const us = ((after[who] - before[who]) * 1e6) / report.chunks.delivered;
    return { who, us };
  });
  const us = parts.reduce((sum, part) => sum + part.us, 0);
  return { report, us, parts: parts.map((part) => `${part.who} ${part.us.toFixed(1)}`).join(", ") };
}

/** Statements of the product by what they are for, since they were counted from zero. */
function statements(many: Many): { text: string; calls: number }[] {
  const lines = many.sql(
    "SELECT calls || ' ' || regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements WHERE query !~* 'pg_stat|^(BEGIN|COMMIT|ROLLBACK|SET|DEALLOCATE|SHOW)' ORDER BY calls DESC");
  return lines.split("\n").filter(Boolean).map((line) => {
    const [calls, ...words] = line.split(" ");
    return { calls: Number(calls), text: words.join(" ") };
  });
}

const rows: Row[] = [
  {
    name: "200",
    work: "200 streams, 100 chunks each, one per 50 ms",
    run: () => withMany(async (many) => {
      const { report, us, parts } = await costed(many, () =>
        many.bench("200", ["--conversations", "200", "--chunks", "100", "--pace", "50ms", "--start-within", "2s"]));
      return result(report, [
        figure("POST to first chunk p50", report.first_chunk_ms.p50, "ms", 10, 4),
        figure("end to end p50", report.delivery_ms.p50, "ms", 1.5, 0.6),
        figure("end to end p99", report.delivery_ms.p99, "ms", 10, 3),
        figure("CPU per delivered chunk, all together", us, "us", 70, 40),
      ], parts);
    }),
  },
  {
    name: "1000-slow",
    work: "1,000 streams, 100 chunks each, one per 100 ms",
    run: () => withMany(async (many) => {
      const empty = many.redis.memory();
      let memory = 0;
      const watch = setInterval(() => (memory = Math.max(memory, many.redis.memory())), 500);
      const { report, us, parts } = await costed(many, () =>
        many.bench("1000-slow", ["--conversations", "1000", "--chunks", "100", "--pace", "100ms", "--start-within", "2s"]));
      clearInterval(watch);
      return result(report, [
        figure("end to end p50", report.delivery_ms.p50, "ms"),
        figure("end to end p99", report.delivery_ms.p99, "ms", 50, 10),
        figure("CPU per delivered chunk, all together", us, "us", 70, 40),
        figure("Redis memory for 1,000 streams", (memory - empty) / 2 ** 20, "MB"),
      ], parts);
    }),
  },
  {
    name: "1000-fast",
    work: "1,000 streams, 100 chunks each, one per 50 ms",
    run: () => withMany(async (many) => {
      const { report, us, parts } = await costed(many, () =>
        many.bench("1000-fast", ["--conversations", "1000", "--chunks", "100", "--pace", "50ms", "--start-within", "2s"]));
      return result(report, [
        figure("all finished after", report.seconds, "s", 9, 7.5),
        figure("end to end p99", report.delivery_ms.p99, "ms", null, 20),
        figure("CPU per delivered chunk, all together", us, "us", 70, 40),
      ], parts);
    }),
  },
  {
    name: "fan-out",
    work: "10 streams x 200 subscribers over two API processes, one chunk per 20 ms",
    run: () => withMany(async (many) => {
      const { report, us } = await costed(many, () =>
        many.bench("fan-out", ["--conversations", "10", "--subscribers", "200", "--chunks", "500", "--pace", "20ms"]));
      return result(report, [figure("end to end p99", report.delivery_ms.p99, "ms", 40, 10)], `${us.toFixed(1)} us per delivery`);
    }),
  },
  {
    name: "resume",
    work: "200 readers cut in the middle for 500 ms, resuming on the other API process",
    run: () => withMany(async (many) => {
      const report = await many.bench("resume", [
        "--conversations", "200", "--chunks", "160", "--pace", "50ms", "--start-within", "2s", "--cut-after", "4s",
      ]);
      return result(report, [
        figure("resume to first missing chunk p50", report.resume_ms.p50, "ms", 20, 5),
        figure("resume to first missing chunk p99", report.resume_ms.p99, "ms"),
      ], `${report.resume_ms.count} resumed`);
    }),
  },
  {
    name: "kill",
    work: "kill -9 of a worker with about 200 answers running",
    run: () => withMany(async (many) => {
      const running = many.bench("kill", ["--conversations", "400", "--chunks", "300", "--pace", "50ms", "--start-within", "1s"]);
      await sleep(6000);
      const reply = await fetch(`${many.apis[0]!.url}/admin/workers`);
      const { data } = (await reply.json()) as { data: { id: string; process_id: number }[] };
      const victim = data.find((one) => one.process_id === many.workers[0]!.pid)!.id;
      const held = Number(many.sql(`SELECT count(*) FROM throughline.tasks WHERE state = 'running' AND worker = '${victim}'`));
      await stop(many.workers[0]!, "SIGKILL");
      const killed = performance.now();
      const isOver = () => many.sql(
        `SELECT count(*) FROM throughline.tasks WHERE finished_at IS NULL AND (state <> 'running' OR worker = '${victim}')`) === "0";
      let took = Infinity;
      while (took === Infinity && performance.now() - killed < 20_000) {
        if (isOver()) took = (performance.now() - killed) / 1000;
        else await sleep(50);
      }
      const report = await running;
      return result(report, [figure("all running on the other", took, "s", 6, 4.5)],
        `${held} were running there; ${report.readers.restarted_answers} begun again`);
    }),
  },
  {
    name: "statements",
    work: "1,000 streams at 10,000 chunks/s: statements in 6 s in the middle",
    run: () => withMany(async (many) => {
      const running = many.bench("statements", ["--conversations", "1000", "--chunks", "150", "--pace", "100ms", "--start-within", "2s"]);
      await sleep(5000);
      many.sql("SELECT pg_stat_statements_reset()");
      await sleep(6000);
      const all = statements(many);
      const report = await running;
      // Saving partial text, and the claim, which takes what is ready in order.
      const isCounted = (text: string) => !/partials|SELECT id, priority, ready_at FROM tasks/i.test(text);
      const counted = all.filter((one) => isCounted(one.text));
      for (const one of all.slice(0, 12)) console.log(`  ${one.calls}  ${one.text.slice(0, 110)}`);
      return result(report, [
        figure("statements a second, beyond claims, ends and saves", counted.reduce((sum, one) => sum + one.calls, 0) / 6, "", 10, 6),
      ], `${(all.reduce((sum, one) => sum + one.calls, 0) / 6).toFixed(1)} a second with them`);
    }),
  },
];

await measure({ name: "many", conditions: `two API processes, two workers, Redis, PostgreSQL, mock model and load test (${binary.split("/").at(-1)})`, rows });
