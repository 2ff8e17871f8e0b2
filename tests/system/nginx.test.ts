// deploy/nginx.conf, run by nginx: each piece of an answer gets through before the next one is written, a reader that loses its
// API process goes on at the other one, and nothing that changes something is sent twice.
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkReply } from "./support/contract.ts";
import { type Shared, startShared, urlOf } from "./support/engine.ts";
import { readMetrics } from "./support/metrics.ts";
import { Nginx, publicName } from "./support/nginx.ts";
import { type Running, start, until } from "./support/process.ts";
import { configurationFor, Reader, SpokenModel } from "./support/spoken.ts";
import { Transcript } from "./support/stream.ts";

describe("in front of two API processes", () => {
  const model = new SpokenModel();
  let home: string;
  let shared: Shared;
  let api: Running[];
  let worker: Running;
  let urls: string[];
  let nginx: Nginx;
  let begin: (role: string, name: string, listen?: string) => Running;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "throughline-nginx-"));
    shared = await startShared();
    writeFileSync(join(home, "throughline.toml"), configurationFor(await model.begin()));
    const env = { DATABASE_URL: shared.database, REDIS_URL: shared.redis.url };
    begin = (role, name, listen = "127.0.0.1:0") => start(["serve", "--role", role, "--listen", listen,
      "--data-dir", join(home, name), "--public-host", publicName], { env, cwd: home });
    api = [begin("api", "api-1"), begin("api", "api-2")];
    worker = begin("worker", "worker-1");
    urls = await Promise.all(api.map(urlOf));
    await urlOf(worker);
    const places = urls.map((url) => url.replace("http://", ""));
    nginx = await Nginx.begin([places[0]!, places[1]!]);
  });
  afterAll(async () => {
    await nginx?.stop();
    await Promise.all([...(api ?? []), worker].map((one) => one?.end("SIGKILL")));
    model.stop();
    await shared?.redis.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  async function post(content: string): Promise<string> {
    const reply = await nginx.call("POST", "/chat/messages", JSON.stringify({ content }));
    expect(reply.status).toBe(202);
    return JSON.parse(reply.text).task_id;
  }

  async function attach(task: string, transcript = new Transcript()): Promise<Reader> {
    const position = transcript.position;
    const reply = await nginx.open("GET", `/stream/${task}`, undefined, position ? { "Last-Event-ID": position } : {});
    expect(reply.statusCode).toBe(200);
    return new Reader(reply, transcript);
  }

  /** The number of the API process that serves the only reader there is. */
  function serving(): Promise<number> {
    return until("one reader", async () => {
      const followers = await Promise.all(urls.map(async (url) => (await readMetrics(url)).value("throughline_followers")));
      const at = followers.indexOf(1);
      return at >= 0 && followers[1 - at] === 0 && String(at);
    }).then(Number);
  }

  test("each piece arrives before the next one is written", async () => {
    const task = await post("Go on when I say so");
    const reader = await attach(task);
    await model.isAsked();
    let text = "";
    for (let i = 0; i < 30; ++i) {
      const word = `${i} `;
      model.say(word);
      text += word;
      await reader.reads(text);
    }
    model.end();
    await reader.readsTheEnd();
    expect(reader.transcript).toMatchObject({ content: text, resets: [], terminal: { chunk_type: "done" } });
  });

  test("over HTTP/2 as well", async () => {
    const task = await post("Once more");
    const session = connect(`https://127.0.0.1:${nginx.port}`, { ca: readFileSync(nginx.certificate), servername: publicName });
    const stream = session.request({ ":path": `/stream/${task}`, ":authority": publicName });
    const reader = new Reader(stream, new Transcript());
    await model.isAsked();
    let text = "";
    for (let i = 0; i < 10; ++i) {
      model.say("word ");
      text += "word ";
      await reader.reads(text);
    }
    model.end();
    await reader.readsTheEnd();
    expect(reader.transcript.terminal!.chunk_type).toBe("done");
    session.destroy();
  });

  test("a check through it finds nothing wrong", async () => {
    const checking = start(["check", "--url", nginx.url, "--model", "demo/demo"], { env: { SSL_CERT_FILE: nginx.certificate } });
    const status = await checking.ended;
    expect(checking.output()).toContain("Everything works.");
    expect(status).toBe(0);
  });

  test("API processes are restarted one after the other, and nobody notices", async () => {
    const task = await post("Go on through all of it");
    const transcript = new Transcript();
    let reader = await attach(task, transcript);
    await model.isAsked();
    let text = "";
    /** As a browser does: comes back with its position whenever the stream ends before the answer. */
    const hears = async (word: string) => {
      model.say(word);
      text += word;
      await until(`"${text}"`, async () => {
        if (reader.hasRead(text)) return true;
        if (reader.hasEndedEarly()) reader = await attach(task, transcript);
        return false;
      });
    };
    await hears("Before. ");

    let goesOn = true;
    const statuses = new Map<number, number>();
    let made = 0;
    const busy = (async () => {
      while (goesOn) {
        const got = await nginx.call("GET", "/conversations");
        statuses.set(got.status, (statuses.get(got.status) ?? 0) + 1);
        // A post may be refused or lose its reply; with its key it can be sent again.
        const key = { "Idempotency-Key": `made-${made}` };
        await until("a conversation", async () => (await nginx.call("POST", "/conversations", '{"title":"made"}', key)).status === 201);
        made++;
      }
    })();
    try {
      for (const i of [0, 1]) {
        expect(await api[i]!.end("SIGTERM")).toBe(0);
        await hears(`Without ${i + 1}. `);
        api[i] = begin("api", `api-${i + 1}`, urls[i]!.replace("http://", ""));
        await urlOf(api[i]!);
        const answered = async () => (await readMetrics(urls[i]!)).value("throughline_http_requests_total", { route: "/conversations" });
        await until("nginx uses it again", async () => (await answered()) > 0);
        await hears(`With ${i + 1}. `);
      }
    } finally {
      goesOn = false;
      await busy;
    }
    model.end();
    await until("the end", async () => {
      if (reader.hasEndedEarly()) reader = await attach(task, transcript);
      reader.hasRead(text);
      return transcript.terminal !== undefined;
    });
    expect(transcript).toMatchObject({ content: text, resets: [], attempt: 1, terminal: { chunk_type: "done" } });
    expect([...statuses.keys()]).toEqual([200]);
    const titles = new Set<string>();
    for (let cursor = ""; ; ) {
      const page = JSON.parse((await nginx.call("GET", `/conversations?limit=200&q=made${cursor}`)).text);
      for (const one of page.data) titles.add(one.id);
      if (!page.next_cursor) break;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
    expect(titles.size).toBe(made);
  });

  test("a reader whose API process is killed goes on at the other one", async () => {
    const task = await post("Will you survive this?");
    const first = await attach(task);
    await model.isAsked();
    model.say("It ");
    model.say("has ");
    await first.reads("It has ");
    const lost = await serving();
    const resumes = async () => (await readMetrics(urls[1 - lost]!)).value("throughline_stream_resumes_total");
    const before = await resumes();
    api[lost]!.child.kill("SIGKILL");
    await first.hasEnded();
    model.say("begun ");
    const second = await attach(task, first.transcript);
    await second.reads("It has begun ");
    model.say("again.");
    await second.reads("It has begun again.");
    model.end();
    await second.readsTheEnd();
    expect(second.transcript).toMatchObject({ resets: [], attempt: 1, terminal: { chunk_type: "done" } });
    expect(await resumes()).toBe(before + 1);
    // What is posted finds its way as well.
    const next = await post("And again");
    await model.isAsked();
    model.end();
    await (await attach(next)).readsTheEnd();
  });
});

describe("in front of two servers that are looked at", () => {
  const seen: { method: string; url: string; headers: IncomingMessage["headers"]; bytes: number; server: number }[] = [];
  const servers: Server[] = [];
  let connections = 0;
  let behave: (incoming: IncomingMessage, reply: ServerResponse) => void;
  let nginx: Nginx;

  async function startServer(number: number): Promise<string> {
    const server = createServer(async (incoming, reply) => {
      let bytes = 0;
      for await (const piece of incoming) bytes += (piece as Buffer).length;
      seen.push({ method: incoming.method!, url: incoming.url!, headers: incoming.headers, bytes, server: number });
      behave(incoming, reply);
    });
    server.keepAliveTimeout = 75_000;
    server.on("connection", () => connections++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    nginx = await Nginx.begin([await startServer(0), await startServer(1)]);
  });
  afterAll(async () => {
    await nginx?.stop();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** What the servers were asked for this path. */
  const requests = (path: string) => seen.filter((one) => one.url === path);

  /** After a failure a server is left out for a moment. */
  async function healthy(): Promise<void> {
    behave = (_, reply) => reply.end("{}");
    await until("both servers in use", async () => {
      const mark = seen.length;
      for (let i = 0; i < 2; ++i) await nginx.call("GET", "/warm");
      return new Set(seen.slice(mark).map((one) => one.server)).size === 2;
    });
  }

  test("they get the names, the address and the position of the client", async () => {
    await healthy();
    await nginx.call("GET", "/stream/x?after=1-3", undefined, { "Last-Event-ID": "1-2", "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "gopher" });
    expect(requests("/stream/x?after=1-3")[0]!.headers).toMatchObject({
      host: publicName, "last-event-id": "1-2", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-forwarded-host": publicName,
    });
  });

  test("the largest body gets through, a larger one does not", async () => {
    await healthy();
    expect((await nginx.call("POST", "/large", "x".repeat(1024 * 1024))).status).toBe(200);
    expect(requests("/large")).toMatchObject([{ bytes: 1024 * 1024 }]);
    expect((await nginx.call("POST", "/larger", "x".repeat(3 * 1024 * 1024))).status).toBe(413);
    expect(requests("/larger")).toEqual([]);
  });

  test("connections are kept", async () => {
    await healthy();
    const before = connections;
    for (let i = 0; i < 20; ++i) await nginx.call("GET", "/kept");
    expect(requests("/kept")).toHaveLength(20);
    expect(connections - before).toBeLessThanOrEqual(2);
  });

  test("the server with fewer open streams is preferred", async () => {
    await healthy();
    const open = new Map<string, number>(); // path to server
    behave = (incoming, reply) => {
      open.set(incoming.url!, requests(incoming.url!)[0]!.server);
      reply.on("close", () => open.delete(incoming.url!));
      reply.writeHead(200, { "Content-Type": "text/event-stream" }).write(": open\n\n");
    };
    const streams = new Map<string, IncomingMessage>();
    for (const path of ["/a", "/b", "/c", "/d"]) streams.set(path, await nginx.open("GET", path));
    const first = open.get("/a");
    const ending = [...open].filter(([, server]) => server === first).map(([path]) => path);
    expect(ending).toHaveLength(2);
    for (const path of ending) streams.get(path)!.destroy();
    await until("the end of two streams", () => open.size === 2);
    for (const path of ["/e", "/f"]) streams.set(path, await nginx.open("GET", path));
    expect([open.get("/e"), open.get("/f")]).toEqual([first, first]);
    for (const stream of streams.values()) stream.destroy();
  });

  test("a post that was sent is not sent again, and the answer is one that clients know", async () => {
    await healthy();
    behave = (incoming) => incoming.socket.destroy();
    const reply = await nginx.call("POST", "/chat/messages", '{"content":"once"}');
    expect(requests("/chat/messages")).toHaveLength(1);
    expect(reply.status).toBe(503);
    expect(reply.headers["retry-after"]).toBe("1");
    expect(JSON.parse(reply.text)).toMatchObject({ code: "unavailable", request_id: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const headers = new Headers(reply.headers as Record<string, string>);
    checkReply("POST", "/chat/messages", { status: 503, headers, text: reply.text }, '{"content":"once"}');
  });

  test("a get is sent to the other one, also when the first is on its way out", async () => {
    await healthy();
    let first = true;
    behave = (_, reply) => {
      if (first) reply.writeHead(503).end();
      else reply.end("{}");
      first = false;
    };
    expect((await nginx.call("GET", "/once-more")).status).toBe(200);
    expect(requests("/once-more").map((one) => one.server).sort()).toEqual([0, 1]);
  });

  test("what is refused to a post is told to its client", async () => {
    await healthy();
    behave = (_, reply) => void reply.writeHead(503, { "Retry-After": "7" }).end("{}");
    const reply = await nginx.call("POST", "/draining", "{}");
    expect([reply.status, reply.headers["retry-after"]]).toEqual([503, "7"]);
    expect(requests("/draining")).toHaveLength(1);
  });

  test("figures are not for everybody, and plain HTTP leads to TLS", async () => {
    expect((await nginx.call("GET", "/metrics")).status).toBe(404);
    expect(requests("/metrics")).toEqual([]);
    const asked = request({ host: "127.0.0.1", port: nginx.plainPort, path: "/c?x=1", headers: { Host: publicName } }).end();
    const [reply] = (await once(asked, "response")) as [IncomingMessage];
    reply.resume();
    expect([reply.statusCode, reply.headers.location]).toEqual([308, `https://${publicName}/c?x=1`]);
  });

  test("the log has requests without their queries", async () => {
    await healthy();
    await nginx.call("GET", "/conversations?q=something+private");
    await until("a line", () => nginx.log().includes('"GET /conversations" 200'));
    expect(nginx.log()).not.toContain("private");
  });
});
