// `throughline bench`: what it measures is there, and what it must notice it notices.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { Model } from "./support/model.ts";
import { start } from "./support/process.ts";
import { startProxy } from "./support/proxy.ts";

let folder: string;
let model: Model;
let engine: Engine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "throughline-bench-test-"));
  const running = start(["mock-model", "--listen", "127.0.0.1:0"]);
  model = new Model((await running.waitFor(/listening on (http:\/\/\S+)/))[1]!, running);
  engine = await startEngine({ model: model.base });
});

afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
  rmSync(folder, { recursive: true, force: true });
});

let serial = 0;
async function bench(args: string[]) {
  const file = join(folder, `${++serial}.json`);
  const running = start(["bench", ...args, "--json", file]);
  const status = await running.ended;
  return { status, output: running.output(), file, report: () => JSON.parse(readFileSync(file, "utf8")) };
}

const running = () => ["--url", engine.url, "--mock-url", model.base];

test("measures a server and a model that it starts itself", async () => {
  const { status, output, report } = await bench(["--conversations", "10", "--chunks", "20", "--pace", "10", "--start-within", "100ms"]);
  expect(output).toMatch(/0 of 10 texts differ/);
  expect(status).toBe(0);
  const got = report();
  expect(got).toMatchObject({
    ok: true,
    problems: [],
    plan: { conversations: 10, chunks: 20, pace_ms: 10 },
    posts: { answered: 10, refused: 0 },
    readers: { all: 10, ended: 10, broken: 0, reconnects: 0 },
    // Each answer's end is a chunk too.
    chunks: { delivered: 210, lost: 0, repeated: 0, out_of_order: 0 },
    post_ms: { count: 10 },
    first_chunk_ms: { count: 10 },
    mock_model: { texts_compared: 10, texts_different: 0 },
  });
  expect(got.delivery_ms.count).toBeGreaterThan(150);
  expect(got.delivery_ms.p50).toBeGreaterThan(0);
  expect(got.delivery_ms.p99_9).toBeGreaterThanOrEqual(got.delivery_ms.p50);
  expect(got.server.cpu_us_per_chunk).toBeGreaterThan(0);
  expect(got.server.rss_mb_after).toBeGreaterThan(1);
  expect(got.bench.cpu_us_per_chunk).toBeGreaterThan(0);
  expect(got.mock_model.late_us.max).toBeGreaterThan(0);
});

test("cuts all readers off and measures their resuming, on a running server", async () => {
  const { status, report } = await bench([
    ...running(), "--num-conversations", "20", "--subscribers", "2", "--chunks", "200", "--pace", "20ms", "--start-within", "100ms",
    "--cut-after", "1500ms", "--cut-for", "200ms",
  ]);
  expect(status).toBe(0);
  expect(report()).toMatchObject({
    readers: { all: 40, ended: 40 },
    chunks: { delivered: 40 * 201, lost: 0, repeated: 0, out_of_order: 0 },
    resume_ms: { count: 40 },
    mock_model: { texts_compared: 40, texts_different: 0 },
  });
});

test("holds idle event streams and posts at a rate", async () => {
  const { status, report } = await bench([...running(), "--idle", "50", "--posts-per-second", "50", "--duration", "1s", "--chunks", "2"]);
  expect(status).toBe(0);
  const got = report();
  expect(got).toMatchObject({ idle_streams: 50, idle_streams_dropped: 0, posts: { answered: 50, refused: 0 }, post_ms: { count: 50 } });
  expect(got.server.rss_kb_per_idle_stream).toBeDefined();
});

test("fails when idle event streams are dropped", async () => {
  const proxy = await startProxy(engine.url, { ends: "/events" });
  const { status, output, report } = await bench(["--url", proxy.url, "--idle", "5", "--conversations", "1", "--chunks", "5", "--pace", "5ms"]);
  await proxy.close();
  expect(output).toContain("WRONG: 5 event streams were dropped");
  expect(status).toBe(1);
  expect(report()).toMatchObject({ ok: false, idle_streams: 5, idle_streams_dropped: 5, posts: { answered: 1 } });
});

test("spreads readers over several addresses", async () => {
  const proxy = await startProxy(engine.url, {});
  const { status, report } = await bench([...running(), "--url", proxy.url, "--conversations", "4", "--chunks", "10", "--pace", "5ms"]);
  await proxy.close();
  expect(status).toBe(0);
  expect(report()).toMatchObject({ plan: { servers: 2 }, readers: { ended: 4 } });
});

test("fails when a text is not what the model sent", async () => {
  const proxy = await startProxy(engine.url, {
    changes: (piece) => Buffer.from(piece.toString("latin1").replaceAll("5:", "6:"), "latin1"),
  });
  const { status, output, report } = await bench(["--url", proxy.url, "--mock-url", model.base, "--conversations", "2", "--chunks", "10", "--pace", "5ms"]);
  await proxy.close();
  expect(output).toContain("WRONG: 2 texts are not what the model sent");
  expect(status).toBe(1);
  expect(report()).toMatchObject({ ok: false, mock_model: { texts_different: 2 } });
});

test("fails when a chunk is lost, and when one comes twice", async () => {
  const frame = /id: 1-5\ndata: [^\n]*\n\n/;
  const lost = await startProxy(engine.url, { changes: (piece) => Buffer.from(piece.toString("latin1").replace(frame, ""), "latin1") });
  const without = await bench(["--url", lost.url, "--mock-url", model.base, "--conversations", "1", "--chunks", "10", "--pace", "20ms"]);
  await lost.close();
  expect(without.report()).toMatchObject({ ok: false, chunks: { lost: 1, repeated: 0 } });
  expect(without.status).toBe(1);

  const twice = await startProxy(engine.url, {
    changes: (piece) => Buffer.from(piece.toString("latin1").replace(frame, (all) => all + all), "latin1"),
  });
  const again = await bench(["--url", twice.url, "--mock-url", model.base, "--conversations", "1", "--chunks", "10", "--pace", "20ms"]);
  await twice.close();
  expect(again.report()).toMatchObject({ ok: false, chunks: { lost: 0, repeated: 1 } });
  expect(again.status).toBe(1);
});

test("compares with an earlier run", async () => {
  const args = [...running(), "--conversations", "2", "--chunks", "5", "--pace", "5ms"];
  const first = await bench(args);
  const second = await bench([...args, "--compare", first.file]);
  expect(second.status).toBe(0);
  expect(second.output).toMatch(/POST p50 ms +[\d.]+ -> +[\d.]+/);
});

test("says what it does not understand", async () => {
  for (const args of [["--pace", "soon"], ["--url", "ftp://x"], ["--self"], ["--compare", "/nowhere"]]) {
    const { status, output } = await bench(args);
    expect(status, args.join(" ")).toBe(2);
    expect(output).toContain("throughline");
  }
});

test("gives up on a server that is not there", async () => {
  const { status, output } = await bench(["--url", "http://127.0.0.1:1", "--conversations", "2"]);
  expect(status).toBe(1);
  expect(output).toContain("WRONG: 2 posts were refused; the first: the connection broke");
});
