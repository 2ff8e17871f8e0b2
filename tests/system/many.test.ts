// Many processes over PostgreSQL and Redis: none of them, nor Redis, is missed by who reads an answer.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Asked, Cluster } from "./support/cluster.ts";
import { startModel, type Model } from "./support/model.ts";
import { until } from "./support/process.ts";
import { sharedPostgres } from "./support/servers.ts";
import { readOnce, type Transcript, Transcript as NewTranscript } from "./support/stream.ts";

let model: Model;
beforeAll(async () => {
  model = await startModel();
});
afterAll(async () => {
  await model?.stop();
});

/** Until every one of them has some text. */
async function running(cluster: Cluster, asked: Asked[], chunks = 5): Promise<void> {
  const api = cluster.apis.find((one) => one.running.child.exitCode === null && one.running.child.signalCode === null)!;
  await until("text everywhere", async () => {
    const tasks = await Promise.all(asked.map((one) => api.task(one.task)));
    return tasks.every((task) => task.chunk_count >= chunks);
  });
}

async function expectWhole(cluster: Cluster, asked: Asked[], seen: Transcript[]): Promise<void> {
  for (const [n, one] of asked.entries()) {
    expect(await cluster.compare(one, seen[n]!, model)).toEqual([]);
    expect(seen[n]!.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
  }
}

describe("two API processes and two workers", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.begin({ model: model.base });
  });
  afterAll(() => cluster?.dispose());

  test("an answer is the same at every API process, for every reader, wherever it was asked for", async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.ask({ tokens: 60, pace_ms: 10 }, n % 2)));
    const [here, there] = await Promise.all([0, 1].map((n) => Promise.all(asked.map((one) => cluster.read(one, n)))));
    for (const [n, seen] of here!.entries()) expect(there![n]!.content).toBe(seen.content);
    await expectWhole(cluster, asked, here!);
  });

  test("a reader that is cut resumes at the other API process without a gap and without a reset", async () => {
    const asked = await cluster.ask({ tokens: 80, pace_ms: 15 });
    const transcript = new NewTranscript();
    await readOnce(cluster.apis[0]!.url, asked.task, transcript, { cutAfter: 10 });
    expect(transcript.terminal).toBeUndefined();
    let n = 0;
    while (transcript.terminal === undefined) {
      await readOnce(cluster.apis[++n % 2]!.url, asked.task, transcript, { cutAfter: 20 });
    }
    expect(transcript.resets).toEqual([]);
    await expectWhole(cluster, [asked], [transcript]);
  });

  test("stop works from any API process, and closes the request to the model", async () => {
    const asked = await cluster.ask({ tokens: 1000, pace_ms: 20 }, 0);
    const reading = cluster.read(asked, 0);
    await running(cluster, [asked]);
    const stopped = await cluster.apis[1]!.call("POST", `/tasks/${asked.task}/cancel`);
    expect(stopped).toMatchObject({ status: 200, body: { state: "cancelled" } });
    expect((await model.last(asked.key)).closed_by_client).toBe(true);
    const seen = await reading;
    expect(seen.terminal).toMatchObject({ chunk_type: "done", status: "cancelled" });
    expect(await cluster.compare(asked, seen, model)).toEqual([]);
  });

  test("/events of one process tells what was asked at the other, chunks included", async () => {
    const abort = new AbortController();
    const reply = await fetch(`${cluster.apis[1]!.url}/events`, { signal: abort.signal });
    let text = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const piece of reply.body!) text += decoder.decode(piece, { stream: true });
    })().catch(() => {});
    const asked = await cluster.ask({ tokens: 10, pace_ms: 5 }, 0);
    await until("the end of the answer", () => text.includes(asked.task) && /"chunk_type":"done"/.test(text));
    await until("its change", () => new RegExp(`event: change[^]*${asked.message}[^]*"completed"`).test(text));
    abort.abort();
    await reading;
  });

  test("redis-cli shows what people know to look for", async () => {
    const { redis } = cluster;
    const asked = await cluster.ask({ tokens: 400, pace_ms: 10 });
    const reading = cluster.read(asked);
    await running(cluster, [asked]);
    const chunks = redis.cli("LRANGE", `stream:${asked.task}:chunks`, "0", "-1").trim().split("\n").map((line) => JSON.parse(line));
    expect(chunks.length).toBeGreaterThan(4);
    for (const [n, chunk] of chunks.entries()) expect(chunk).toMatchObject({ chunk_index: n, chunk_type: "content" });
    const hash = redis.cli("HGETALL", `stream:${asked.task}:metadata`).trim().split("\n");
    const metadata = Object.fromEntries(hash.flatMap((name, n) => (n % 2 === 0 ? [[name, hash[n + 1]]] : [])));
    expect(metadata).toMatchObject({ attempt: "1", message_id: asked.message, chunk_count: expect.stringMatching(/^\d+$/) });
    expect(Object.keys(metadata)).toEqual(expect.arrayContaining(["attempt", "worker", "status", "message_id", "started_at", "updated_at", "chunk_count"]));
    expect(Number(redis.cli("TTL", `stream:${asked.task}:chunks`))).toBeGreaterThan(3500);
    expect(redis.cli("PUBSUB", "CHANNELS", "stream:*").trim().split("\n")).toContain(`stream:${asked.task}`);
    const heard = redis.listen(`stream:${asked.task}`);
    await until("a message", () => heard.output().includes(`stream:${asked.task}`) && /\d+ \d+\n/.test(heard.output()));
    await heard.end();
    await reading;
    const forever = redis.cli("--scan").trim().split("\n").filter((key) => redis.cli("TTL", key).trim() === "-1");
    expect(forever).toEqual([]);
  });
});

describe("processes that die", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.begin({ model: model.base });
  });
  afterAll(() => cluster?.dispose());

  test("kill -9 of a worker: the other one takes its answers over, and every reader sees one reset", async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, (_, n) => cluster.ask({ tokens: 250, pace_ms: 25 }, n % 2)));
    const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
    await running(cluster, asked);
    const victim = await until("a heartbeat that tells of them", () => cluster.busiestWorker().catch(() => undefined));
    await cluster.workers[victim]!.end("SIGKILL");
    const seen = await reading;
    await expectWhole(cluster, asked, seen);
    const requests = await Promise.all(asked.map(async (one) => (await model.requests(one.key)).length));
    const restarted = requests.filter((count) => count === 2).length;
    expect(restarted).toBeGreaterThan(0);
    expect(requests.every((count) => count <= 2)).toBe(true);
    expect(seen.map((one) => one.resets.length)).toEqual(requests.map((count) => count - 1));
    for (const one of asked) expect(await cluster.apis[0]!.task(one.task)).toMatchObject({ state: "succeeded" });
    await cluster.startWorker(victim);
  });

  test("kill -9 of an API process: its readers go on at the other one without a reset", async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, () => cluster.ask({ tokens: 150, pace_ms: 15 }, 0)));
    const reading = Promise.all(asked.map((one) => cluster.read(one, 0)));
    await running(cluster, asked);
    await cluster.apis[0]!.stop("SIGKILL");
    const seen = await reading;
    await expectWhole(cluster, asked, seen);
    expect(seen.flatMap((one) => one.resets)).toEqual([]);
    await cluster.startApi(0);
  });

  test("a worker that was halted for longer than its lease comes back and writes nothing any more", async () => {
    const asked = await Promise.all(Array.from({ length: 6 }, () => cluster.ask({ tokens: 400, pace_ms: 25 })));
    const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
    await running(cluster, asked);
    const halted = await until("a heartbeat that tells of them", () => cluster.busiestWorker().catch(() => undefined));
    cluster.workers[halted]!.child.kill("SIGSTOP");
    await until("all are the other one's", async () => {
      const requests = await Promise.all(asked.map((one) => model.requests(one.key)));
      const tasks = await Promise.all(asked.map((one) => cluster.apis[0]!.task(one.task)));
      return requests.some((one) => one.length === 2) && tasks.every((task) => task.state === "running");
    }, 20_000);
    cluster.workers[halted]!.child.kill("SIGCONT");
    const seen = await reading;
    await expectWhole(cluster, asked, seen);
    expect(seen.every((one) => one.resets.length <= 1)).toBe(true);
  });

  test("every process is restarted, one after the other, under load: nothing is lost", async () => {
    const asked: Asked[] = [];
    const seen: Promise<Transcript>[] = [];
    let isOver = false;
    const posting = (async () => {
      for (let n = 0; !isOver; n++) {
        // A POST that meets a process going down is asked again, as a client would.
        const one = await cluster.ask({ tokens: 60, pace_ms: 20 }, n % 2).catch(() => undefined);
        if (one !== undefined) {
          asked.push(one);
          seen.push(cluster.read(one, n % 2));
        }
        await new Promise((next) => setTimeout(next, 40));
      }
    })();
    await until("some answers", () => asked.length > 10);
    for (const n of [0, 1]) {
      expect(await cluster.workers[n]!.end("SIGTERM")).toBe(0);
      await cluster.startWorker(n);
      expect(await cluster.apis[n]!.stop("SIGTERM")).toBe(0);
      await cluster.startApi(n);
    }
    isOver = true;
    await posting;
    await expectWhole(cluster, asked, await Promise.all(seen));
    for (const one of asked) expect(await cluster.apis[0]!.task(one.task)).toMatchObject({ failures: 0 });
  }, 120_000);
});

describe("Redis is away", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.begin({ model: model.base });
  });
  afterAll(() => cluster?.dispose());

  const ready = () => cluster.apis[0]!.call("GET", "/readyz");
  const away = () => until("it is missed", async () => {
    const { status, body } = await ready();
    expect(status).toBe(200);
    return body.status === "degraded" && body.parts.redis === "failing" && /^Redis has been away for \d+ s/.test(body.reasons[0]);
  });
  const back = () => until("it is back", async () => (await ready()).body.status === "ready");

  test("killed and started again, empty: answers go on where they were, without a reset", async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.ask({ tokens: 300, pace_ms: 20 }, n % 2)));
    const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
    await running(cluster, asked);
    await cluster.redis.end("SIGKILL");
    await away();
    await cluster.redis.start();
    const seen = await reading;
    await back();
    await expectWhole(cluster, asked, seen);
    expect(seen.flatMap((one) => one.resets)).toEqual([]);
  });

  test("away until the answers are finished: posts are taken, and the answers come whole from the database", async () => {
    const before = await cluster.ask({ tokens: 60, pace_ms: 30 });
    const reading = cluster.read(before);
    await running(cluster, [before]);
    await cluster.redis.end("SIGKILL");
    await away();
    const during = await Promise.all(Array.from({ length: 5 }, (_, n) => cluster.ask({ tokens: 20, pace_ms: 10 }, n % 2)));
    const seen = await Promise.all([reading, ...during.map((one, n) => cluster.read(one, n))]);
    await expectWhole(cluster, [before, ...during], seen);
    await cluster.redis.start();
    await back();
  });

  test("its keys are deleted, its subscribers thrown out, in the middle: nobody notices", async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.ask({ tokens: 250, pace_ms: 20 }, n % 2)));
    const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
    await running(cluster, asked);
    cluster.redis.cli("FLUSHALL");
    await running(cluster, asked, 30);
    cluster.redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
    await running(cluster, asked, 60);
    cluster.redis.cli("DEL", `stream:${asked[0]!.task}:chunks`);
    cluster.redis.cli("SCRIPT", "FLUSH");
    const seen = await reading;
    await expectWhole(cluster, asked, seen);
    expect(seen.flatMap((one) => one.resets)).toEqual([]);
  });

  test("halted for six seconds: no request hangs, and answers go on", async () => {
    const asked = await Promise.all(Array.from({ length: 5 }, () => cluster.ask({ tokens: 500, pace_ms: 20 })));
    const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
    await running(cluster, asked);
    cluster.redis.signal("SIGSTOP");
    try {
      await away();
      const other = await cluster.ask({ tokens: 5, pace_ms: 5 });
      const seen = await cluster.read(other);
      await expectWhole(cluster, [other], [seen]);
    } finally {
      cluster.redis.signal("SIGCONT");
    }
    const seen = await reading;
    await expectWhole(cluster, asked, seen);
    expect(seen.flatMap((one) => one.resets)).toEqual([]);
    await back();
  });
});

describe("PostgreSQL", () => {
  test("restarts under load: answers go on, and are finished", async () => {
    const cluster = await Cluster.begin({ model: model.base });
    const postgres = await sharedPostgres();
    try {
      const asked = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.ask({ tokens: 300, pace_ms: 20 }, n % 2)));
      const reading = Promise.all(asked.map((one, n) => cluster.read(one, n)));
      await running(cluster, asked);
      await postgres.end("SIGINT");
      await postgres.start();
      const seen = await reading;
      await expectWhole(cluster, asked, seen);
    } finally {
      await cluster.dispose();
    }
  });

  test("ten processes may start at once on an empty database", async () => {
    const cluster = await Cluster.begin({ model: model.base, apis: 5, workers: 5 });
    try {
      const asked = await Promise.all(cluster.apis.map((_, n) => cluster.ask({ tokens: 10, pace_ms: 5 }, n)));
      const seen = await Promise.all(asked.map((one, n) => cluster.read(one, n + 1)));
      await expectWhole(cluster, asked, seen);
    } finally {
      await cluster.dispose();
    }
  });
});
