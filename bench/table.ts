// One machine, one process: node bench/table.ts BINARY [ROW...]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, binary, figure, mean, measure, median, type Report, reports, residentMegabytes, result, type Result, type Row, sleep, start, stop } from "./measure.ts";

let costOfThousand: number | undefined;

async function thousand(): Promise<Report> {
  const report = await bench("1000", ["--conversations", "1000", "--chunks", "100", "--pace", "50ms", "--start-within", "2s"]);
  costOfThousand = report.server.cpu_us_per_chunk;
  return report;
}

const rows: Row[] = [
  {
    name: "50",
    work: "50 streams, 200 chunks each, one per 20 ms",
    run: async () => {
      const report = await bench("50", ["--conversations", "50", "--chunks", "200", "--pace", "20ms"]);
      return result(report, [
        figure("POST to first chunk p50", report.first_chunk_ms.p50, "ms", 3, 1),
        figure("POST to first chunk p99", report.first_chunk_ms.p99, "ms", 12, 4),
        figure("chunk end to end p50", report.delivery_ms.p50, "ms", 0.3, 0.1),
        figure("chunk end to end p99", report.delivery_ms.p99, "ms", 2, 0.5),
      ]);
    },
  },
  {
    name: "1000",
    work: "1,000 streams, 100 chunks, one per 50 ms, started within 2 s",
    run: async () => {
      const report = await thousand();
      return result(report, [
        figure("chunk end to end p50", report.delivery_ms.p50, "ms", 0.4, 0.2),
        figure("chunk end to end p99", report.delivery_ms.p99, "ms", 5, 1),
        figure("server CPU per chunk", report.server.cpu_us_per_chunk, "us", 20, 12),
      ]);
    },
  },
  {
    name: "5000",
    work: "5,000 streams, 50 chunks, one per 250 ms, started within 5 s",
    run: async () => {
      const report = await bench("5000", ["--conversations", "5000", "--chunks", "50", "--pace", "250ms", "--start-within", "5s"]);
      const base = costOfThousand ?? (await thousand()).server.cpu_us_per_chunk;
      return result(report, [
        figure("chunk end to end p99", report.delivery_ms.p99, "ms", 10, 3),
        figure("CPU per chunk against 1,000 streams", report.server.cpu_us_per_chunk / base, "x", 1.5, 1.2),
      ]);
    },
  },
  {
    name: "fan-out",
    work: "10 streams x 200 subscribers, 200 chunks, one per 20 ms",
    run: async () => {
      const report = await bench("fan-out", ["--conversations", "10", "--subscribers", "200", "--chunks", "200", "--pace", "20ms"]);
      return result(report, [
        figure("delivery p99", report.delivery_ms.p99, "ms", 20, 5),
        figure("server CPU per delivery", report.server.cpu_us_per_chunk, "us", 7, 4),
      ]);
    },
  },
  {
    name: "idle",
    work: "10,000 idle event streams",
    run: async () => {
      const report = await bench("idle", ["--conversations", "0", "--idle", "10000"]);
      return result(report, [figure("server RSS per connection", report.server.rss_kb_per_idle_stream ?? NaN, "KB", 6, 3)]);
    },
  },
  {
    name: "resume",
    work: "1,000 clients cut in the middle for 500 ms, all resuming at once",
    run: async () => {
      const report = await bench("resume", [
        "--conversations", "1000", "--chunks", "160", "--pace", "50ms", "--start-within", "2s", "--cut-after", "5s",
      ]);
      return result(report, [
        figure("resume to first missing chunk p50", report.resume_ms.p50, "ms", 5, 1),
        figure("resume to first missing chunk p99", report.resume_ms.p99, "ms", 50, 5),
      ], `${report.resume_ms.count} resumed`);
    },
  },
  {
    name: "post",
    work: "POST of a message, 500 a second for 20 s",
    run: async () => {
      const report = await bench("post", ["--posts-per-second", "500", "--duration", "20s", "--chunks", "5", "--pace", "20ms"]);
      return result(report, [
        figure("POST p50", report.post_ms.p50, "ms", 2, 1),
        figure("POST p99", report.post_ms.p99, "ms", 15, 5),
      ], `${report.post_ms.count} posts`);
    },
  },
  { name: "start", work: "a start on an empty folder", run: startRow },
  { name: "kill", work: "kill -9 with 200 answers running, restart at once", run: killRow },
  { name: "mixed", work: "5 minutes of mixed load: posts, two readers each, cuts, event streams", run: mixedRow },
];

async function startRow(): Promise<Result> {
  const times: number[] = [];
  const memory: number[] = [];
  for (let i = 0; i < 5; ++i) {
    const folder = mkdtempSync(join(tmpdir(), "throughline-bench-"));
    const server = await start(["serve", "--listen", "127.0.0.1:0", "--data-dir", folder], /ready at (http:\/\/\S+)/);
    times.push(server.ms);
    await sleep(2000);
    memory.push(residentMegabytes(server.child.pid!));
    await stop(server.child, "SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
  const stripped = join(reports, "throughline.stripped");
  spawnSync("strip", ["-o", stripped, binary], { stdio: "inherit" });
  const size = (path: string) => statSync(path).size / 1024 / 1024;
  const shipped = size(binary);
  const bare = size(stripped);
  rmSync(stripped);
  return {
    figures: [
      figure("start to ready", median(times), "ms", 300, 100),
      figure("RSS when idle", median(memory), "MB", 40, 20),
      figure("binary as built", shipped, "MB", 30, 15),
    ],
    problems: [],
    note: `median of 5; stripped the binary has ${bare.toFixed(1)} MB`,
  };
}

async function killRow(): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "throughline-bench-"));
  const model = await start(["mock-model", "--listen", "127.0.0.1:0"], /listening on (http:\/\/\S+)/);
  const env = { OPENAI_API_KEY: "none", OPENAI_MODEL: "mock", OPENAI_BASE_URL: model.url };
  const serve = (listen: string) =>
    start(["serve", "--listen", listen, "--data-dir", folder, "--log-level", "error"], /ready at (http:\/\/\S+)/, env);
  let server = await serve("127.0.0.1:0");
  try {
    const running = bench("kill", [
      "--url", server.url, "--mock-url", model.url, "--conversations", "200", "--chunks", "300", "--pace", "50ms", "--start-within", "500ms",
    ]);
    await sleep(5000);
    await stop(server.child, "SIGKILL");
    server = await serve(server.url.replace("http://", ""));
    const report = await running;
    const broken = report.outage_ms.count;
    const problems = [...report.problems];
    if (broken !== 200) problems.push(`${broken} readers instead of 200 were cut off by the kill`);
    return {
      figures: [figure("all of them running again", report.outage_ms.max / 1000, "s", 6, 2)],
      problems,
      note: `${report.readers.restarted_answers} answers begun again; the start itself took ${server.ms.toFixed(0)} ms`,
    };
  } finally {
    await stop(server.child, "SIGKILL");
    await stop(model.child, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function mixedRow(): Promise<Result> {
  const minutes = 5;
  const cuts = Array.from({ length: minutes * 2 - 1 }, (_, i) => ["--cut-after", `${30 * (i + 1)}s`]).flat();
  const report = await bench("mixed", [
    "--posts-per-second", "20", "--duration", `${minutes}m`, "--subscribers", "2", "--chunks", "100", "--pace", "50ms",
    "--idle", "5", ...cuts, "--server-flag=--chunk-ttl=20s",
  ]);
  const between = (from: number, to: number) =>
    report.server.samples.filter((sample) => sample.at_ms >= from * 1000 && sample.at_ms < to * 1000);
  // SQLite's page caches are full by then: with a database that grows they fill like a leak would.
  const warm = between(150, 180);
  const last = between(minutes * 60 - 30, minutes * 60);
  const growth = (of: (sample: { rss_mb: number; descriptors: number }) => number) =>
    (mean(last.map(of)) / mean(warm.map(of)) - 1) * 100;
  return result(report, [
    figure("RSS at the end against the third minute", growth((sample) => sample.rss_mb), "%", 10, 2),
    figure("descriptors likewise", growth((sample) => sample.descriptors), "%", 10, 2),
  ], `${mean(last.map((sample) => sample.rss_mb)).toFixed(0)} MB at the end`);
}

await measure({ name: "one", conditions: "server, mock model and load test", rows });
