// The server speaks TLS itself: with a certificate of an authority made here, renewed while answers are under way.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as plainRequest, type IncomingMessage } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { type Model, startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment, start, until } from "./support/process.ts";
import { SseReader, Transcript } from "./support/stream.ts";

let folder: string;
let model: Model;
let engine: Engine;
const file = (name: string) => join(folder, name);

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "ignore", cwd: folder });
}

/** A certificate of our authority for localhost, under these names of files. */
function makeCertificate(name: string, days = "2"): void {
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  writeFileSync(file("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days,
    "-extfile", "extensions", "-out", `${name}.pem`);
}

function use(name: string): void {
  writeFileSync(file("key.pem"), readFileSync(file(`${name}.key`)));
  writeFileSync(file("cert.pem"), Buffer.concat([readFileSync(file(`${name}.pem`)), readFileSync(file("ca.pem"))]));
}

const flags = () => ["--tls-cert", file("cert.pem"), "--tls-key", file("key.pem")];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "throughline-https-"));
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem");
  for (const name of ["first", "second"]) makeCertificate(name);
  use("first");
  model = await startModel();
  engine = await startEngine({ model: model.base, args: flags() });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function open(method: string, path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
  return new Promise((done, fail) => {
    const call = request(engine.url + path, { method, ca: readFileSync(file("ca.pem")), ...options }, done);
    call.on("error", fail);
    call.end(body);
  });
}

async function call(method: string, path: string, options: RequestOptions = {}, body?: string) {
  const reply = await open(method, path, { ...options, headers: { "Content-Type": "application/json", ...options.headers } }, body);
  let text = "";
  for await (const piece of reply) text += piece;
  return { status: reply.statusCode!, headers: reply.headers, body: text === "" ? undefined : JSON.parse(text) };
}

async function readAnswer(task: string, agent?: Agent): Promise<Transcript> {
  const transcript = new Transcript();
  const reply = await open("GET", `/stream/${task}`, agent ? { agent } : {});
  const reader = new SseReader();
  for await (const piece of reply) for (const event of reader.feed(piece.toString())) transcript.take(event);
  return transcript;
}

async function ask(content: string): Promise<string> {
  const posted = await call("POST", "/chat/messages", {}, JSON.stringify({ content }));
  expect(posted.status).toBe(202);
  return posted.body.task_id;
}

/** The name in the certificate that a new connection sees. */
function shownName(options: object = {}): Promise<string> {
  return new Promise((done, fail) => {
    const socket: TLSSocket = connect({ host: "localhost", port: Number(new URL(engine.url).port), ca: readFileSync(file("ca.pem")), ...options }, () => {
      done(socket.getPeerCertificate().subject.CN as string);
      socket.end();
    });
    socket.on("error", fail);
  });
}

describe("HTTPS", () => {
  test("is announced, serves answers and trusts in nothing but its certificate", async () => {
    expect(engine.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(engine.running.output()).toMatch(/TLS: certificate for localhost until \d{4}-/);
    const seen = await readAnswer(await ask(wish({ tokens: 50 })));
    expect(seen.terminal).toMatchObject({ status: "completed" });
    const bare = await call("GET", "/conversations");
    expect(bare.status).toBe(200);
    expect(bare.headers["strict-transport-security"]).toBeUndefined();
    await expect(call("GET", "/healthz", { ca: [] })).rejects.toThrow(/certificate|issuer/);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("works with %s", async (version) => {
    expect(await shownName({ minVersion: version, maxVersion: version })).toBe("first");
  });

  test("answers plain HTTP with what is wrong", async () => {
    const { hostname, port } = new URL(engine.url);
    const reply = await new Promise<{ status: number; text: string }>((done, fail) => {
      plainRequest({ hostname, port, path: "/" }, async (got) => {
        let text = "";
        for await (const piece of got) text += piece;
        done({ status: got.statusCode!, text });
      }).on("error", fail).end();
    });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text).detail).toMatch(/use https:\/\//);
  });

  test("is found by `throughline chat` and `check`", async () => {
    const run = (command: string) =>
      new Promise<{ status: number; text: string }>((done) => {
        const child = execFile(binary, [command, "--data-dir", engine.dataDir],
          { cwd: folder, env: cleanEnvironment({ HOME: folder, SSL_CERT_FILE: file("ca.pem") }) },
          (error, out, err) => done({ status: error ? Number(error.code) : 0, text: out + err }));
        child.stdin!.on("error", () => {}); // it may end without having read
        child.stdin!.end(wish({ tokens: 3 }));
      });
    for (const command of ["chat", "check"]) {
      const ran = await run(command);
      expect(ran, ran.text).toMatchObject({ status: 0 });
    }
  });

  test("renews its certificate on SIGHUP while answers are under way, and keeps the old one if the new one is bad", async () => {
    const agent = new Agent({ ca: readFileSync(file("ca.pem")), keepAlive: true, maxSockets: 100 });
    const tasks = await Promise.all(Array.from({ length: 30 }, () => ask(wish({ tokens: 100, pace_ms: 20 }))));
    const answers = tasks.map((task) => readAnswer(task, agent));
    for (let i = 0; i < 10; i++) {
      const name = i % 2 === 0 ? "second" : "first";
      use(name);
      process.kill(engine.pid, "SIGHUP");
      await until(`the certificate ${name}`, async () => (await shownName()) === name);
    }
    writeFileSync(file("cert.pem"), "half of a certificate");
    process.kill(engine.pid, "SIGHUP");
    await engine.running.waitFor(/error the certificate could not be read again; the old one stays in use what=".*cert\.pem is no certificate/);
    expect(await shownName()).toBe("first");
    use("second");
    writeFileSync(file("key.pem"), readFileSync(file("first.key")));
    process.kill(engine.pid, "SIGHUP");
    await engine.running.waitFor(/the key in \S+key\.pem does not belong to the certificate/);
    expect(await shownName()).toBe("first");
    for (const seen of await Promise.all(answers)) expect(seen.terminal).toMatchObject({ status: "completed" });
    agent.destroy();
    use("first");
  });

  test("has a cookie for TLS only", async () => {
    const token = "0123456789abcdef0123";
    const guarded = await startEngine({ args: flags(), env: { THROUGHLINE_ACCESS_TOKEN: token } });
    try {
      const reply = await new Promise<IncomingMessage>((done, fail) => {
        request(`${guarded.url}/sign-in`, { method: "POST", ca: readFileSync(file("ca.pem")),
          headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: guarded.url } }, done)
          .on("error", fail).end(`token=${token}`);
      });
      reply.resume();
      expect(reply.statusCode).toBe(303);
      expect(reply.headers["set-cookie"]![0]).toMatch(/^__Host-throughline=[^;]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/);
    } finally {
      await guarded.dispose();
    }
  });
});

describe("a certificate that cannot be used", () => {
  const refused = async (certificate: string, key: string): Promise<string> => {
    const data = mkdtempSync(file("data-"));
    const running = start(["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--tls-cert", certificate, "--tls-key", key], { cwd: data });
    expect(await running.ended).toBe(1);
    return running.output();
  };
  test("stops the start with a sentence", async () => {
    expect(await refused(file("nothing.pem"), file("first.key"))).toMatch(/cannot read \S+nothing\.pem: No such file or directory/);
    expect(await refused(file("first.pem"), file("second.key"))).toMatch(/the key in \S+second\.key does not belong to the certificate in \S+first\.pem/);
    expect(await refused(file("first.key"), file("first.key"))).toMatch(/first\.key is no certificate in PEM form/);
    openssl("rsa", "-aes256", "-passout", "pass:x", "-in", "first.key", "-out", "locked.key");
    expect(await refused(file("first.pem"), file("locked.key"))).toMatch(/locked\.key is no key in PEM form without a passphrase/);
  });

  test("because it has expired is used all the same, with a warning", async () => {
    makeCertificate("old", "0");
    const old = await startEngine({ args: ["--tls-cert", file("old.pem"), "--tls-key", file("old.key")] });
    try {
      expect(old.running.output()).toMatch(/Warning: the certificate has expired on /);
    } finally {
      await old.dispose();
    }
  });
});
