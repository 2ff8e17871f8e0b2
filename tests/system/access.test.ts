// A server with an access token: who comes in, how browsers sign in, how often somebody may be wrong, and that the program's own
// clients know it.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkReply } from "./support/contract.ts";
import { type Engine, startEngine } from "./support/engine.ts";
import { readMetrics } from "./support/metrics.ts";
import { type Model, startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment } from "./support/process.ts";
import { readToEnd } from "./support/stream.ts";

const token = "m6Zk/8cqT+J1pWJ0n3o2yQ==";
const env = { THROUGHLINE_ACCESS_TOKEN: token };
let folder: string;
let model: Model;
let engine: Engine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "throughline-access-"));
  writeFileSync(join(folder, "token"), `${token}\n`);
  model = await startModel();
  engine = await startEngine({ model: model.base, env });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A request as a browser or a stranger sends it: no redirect is followed. */
async function send(to: Engine, method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const reply = await fetch(to.url + path, { method, headers, redirect: "manual", ...(body === undefined ? {} : { body }) });
  const text = await reply.text();
  const isRedirectOfBrowser = reply.status === 303 && !/sign-(in|out)/.test(path);
  if (!isRedirectOfBrowser) checkReply(method, path, { status: reply.status, headers: reply.headers, text });
  return { status: reply.status, headers: reply.headers, text };
}

const form = { "Content-Type": "application/x-www-form-urlencoded" };

/** Signs in by the form; the cookie that came of it. */
async function signIn(to: Engine, sent: string, next = "/conversations"): Promise<string> {
  const fields = new URLSearchParams({ token: sent, next }).toString();
  const reply = await send(to, "POST", "/sign-in", { ...form, Origin: to.url }, fields);
  expect(reply.status).toBe(303);
  expect(reply.headers.get("location")).toBe(next);
  return reply.headers.get("set-cookie")!.split(";")[0]!;
}

describe("a stranger", () => {
  test("is told that a token is needed, whatever he asks for", async () => {
    for (const [method, path] of [["GET", "/"], ["GET", "/conversations"], ["GET", "/events"], ["GET", "/metrics"], ["GET", "/nothing"],
      ["GET", "/docs"], ["POST", "/chat/messages"], ["DELETE", "/conversations/0199d3f0-0000-7000-8000-000000000000"]] as const) {
      const reply = await send(engine, method, path);
      expect(reply.status, path).toBe(401);
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer/);
      expect(JSON.parse(reply.text)).toMatchObject({ code: "unauthorized" });
    }
  });

  test("may ask whether the server is alive, and not for details", async () => {
    expect((await send(engine, "GET", "/healthz")).status).toBe(200);
    expect(JSON.parse((await send(engine, "GET", "/readyz")).text)).toEqual({ status: "ready" });
    expect(await engine.expect(200, "GET", "/readyz")).toMatchObject({ parts: { database: "ok" } });
  });

  test("with a browser is led to the page where people sign in", async () => {
    const reply = await send(engine, "GET", "/conversations", { Accept: "text/html,*/*" });
    expect(reply.status).toBe(303);
    expect(reply.headers.get("location")).toBe("/sign-in?next=/conversations");
    const page = await send(engine, "GET", reply.headers.get("location")!);
    expect(page.status).toBe(200);
    expect(page.text).toContain('action="/sign-in"');
    expect(page.text).not.toMatch(/<script|\son\w+=|\bhttps?:\/\//);
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
  });
});

describe("the token", () => {
  test("lets programs in, streams and all", async () => {
    const posted = await engine.ask(wish({ tokens: 20 }));
    expect((await readToEnd(engine.url, posted.task_id)).terminal).toMatchObject({ status: "completed" });
    expect((await readMetrics(engine.url)).value("throughline_access_refused_total", { reason: "no_token" })).toBeGreaterThan(5);
  });

  test("is in no line that the server writes", async () => {
    await send(engine, "GET", "/conversations", { Authorization: `Bearer ${token}x` });
    await engine.running.waitFor(/wrong access token address=127\.0\.0\.1 path=\/conversations/);
    expect(engine.running.output()).not.toContain(token);
  });

  test.each([["check"], ["chat"], ["bench", "--conversations", "3", "--chunks", "5"]])("is sent by `throughline %s`", async (...args) => {
    const url = args[0] === "bench" ? ["--url", engine.url, "--model", "mock"] : ["--url", engine.url];
    const run = (more: Record<string, string>) =>
      new Promise<{ status: number; text: string }>((done) => {
        const child = execFile(binary, [...args, ...url], { cwd: folder, env: cleanEnvironment({ HOME: folder, ...more }) }, (error, out, err) =>
          done({ status: error ? Number(error.code) : 0, text: out + err }));
        child.stdin!.on("error", () => {}); // it may end without having read
        child.stdin!.end(wish({ tokens: 3 }));
      });
    expect(await run({ THROUGHLINE_ACCESS_TOKEN_FILE: join(folder, "token") })).toMatchObject({ status: 0 });
    const without = await run({});
    expect(without.status).not.toBe(0);
    expect(without.text).toMatch(/access token|401|refused/i);
  });
});

describe("a browser that has signed in", () => {
  test("comes in with its cookie, and changes things from the server's own pages only", async () => {
    const cookie = await signIn(engine, token);
    expect(cookie).toMatch(/^throughline=/);
    expect(decodeURIComponent(cookie)).not.toContain(token);
    expect((await send(engine, "GET", "/conversations", { Cookie: cookie })).status).toBe(200);
    const json = { Cookie: cookie, "Content-Type": "application/json" };
    expect((await send(engine, "POST", "/conversations", json, "{}")).status).toBe(403);
    expect((await send(engine, "POST", "/conversations", { ...json, Origin: "http://127.0.0.1:1" }, "{}")).status).toBe(403);
    expect((await send(engine, "POST", "/conversations", { ...json, Origin: engine.url }, "{}")).status).toBe(201);
    const out = await send(engine, "POST", "/sign-out", { ...form, Origin: engine.url }, "");
    expect(out.status).toBe(303);
    expect(out.headers.get("set-cookie")).toMatch(/^throughline=; .*Max-Age=0/);
  });

  test("is known to every process that has the token, and to none that has another", async () => {
    const cookie = await signIn(engine, token);
    const same = await startEngine({ env: { THROUGHLINE_ACCESS_TOKEN_FILE: join(folder, "token") } });
    const other = await startEngine({ env: { THROUGHLINE_ACCESS_TOKEN: `${token}2` } });
    try {
      expect((await send(same, "GET", "/conversations", { Cookie: cookie })).status).toBe(200);
      expect((await send(other, "GET", "/conversations", { Cookie: cookie })).status).toBe(401);
    } finally {
      await same.dispose();
      await other.dispose();
    }
  });

  test("gets a cookie for TLS only when a proxy that is trusted, or the public URL, says so", async () => {
    const behind = await startEngine({ env, args: ["--trusted-proxy", "127.0.0.2", "--public-url", "https://chat.example"] });
    const cookieFrom = (address: string, headers: Record<string, string>) =>
      new Promise<string>((done, fail) => {
        const target = new URL(behind.url);
        const call = request({ host: target.hostname, port: target.port, localAddress: address, method: "POST", path: "/sign-in",
          headers: { ...form, ...headers } }, (reply) => {
          reply.resume();
          done(reply.headers["set-cookie"]?.[0] ?? `${reply.statusCode}`);
        });
        call.on("error", fail);
        call.end(new URLSearchParams({ token }).toString());
      });
    try {
      const says = { "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1" };
      expect(await cookieFrom("127.0.0.2", says)).toMatch(/^__Host-throughline=.*; Secure/);
      expect(await cookieFrom("127.0.0.1", says)).toMatch(/^throughline=(?!.*Secure)/);
      expect(await cookieFrom("127.0.0.1", { Host: "chat.example" })).toMatch(/^__Host-throughline=.*; Secure/);
    } finally {
      await behind.dispose();
    }
  });
});

describe("whoever is wrong too often", () => {
  test("waits, at the form as well, and others behind the same proxy do not", async () => {
    const guarded = await startEngine({ env, args: ["--trusted-proxy", "127.0.0.1"] });
    try {
      const as = (client: string, sent: string) =>
        send(guarded, "GET", "/conversations", { Authorization: `Bearer ${sent}`, "X-Forwarded-For": client });
      for (let i = 0; i < 10; i++) expect((await as("192.0.2.1", `guess-${i}`)).status).toBe(401);
      const limited = await as("192.0.2.1", token);
      expect(limited.status).toBe(429);
      expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
      const page = await send(guarded, "POST", "/sign-in", { ...form, "X-Forwarded-For": "192.0.2.1" }, new URLSearchParams({ token }).toString());
      expect(page.status).toBe(429);
      expect(page.text).toMatch(/role="alert">There were too many wrong access tokens/);
      expect((await as("192.0.2.2", token)).status).toBe(200);
      expect((await readMetrics(guarded.url)).value("throughline_access_refused_total", { reason: "wrong_token" })).toBe(10);
    } finally {
      await guarded.dispose();
    }
  });
});

describe("the network", () => {
  test("is served with a token, and with the names that are configured", async () => {
    const open = await startEngine({ env, listen: "0.0.0.0:0", args: ["--public-host", "chat.example"] });
    try {
      expect(open.running.output()).toMatch(/Note: the access token .* --tls-cert and --tls-key/);
      expect(open.running.output()).not.toMatch(/Warning/);
      expect((await send(open, "GET", "/conversations", { Authorization: `Bearer ${token}` })).status).toBe(200);
      const named = (host: string) =>
        new Promise<number>((done, fail) => {
          const target = new URL(open.url);
          request({ host: target.hostname, port: target.port, path: "/healthz", headers: { Host: host } }, (reply) => {
            reply.resume();
            done(reply.statusCode!);
          }).on("error", fail).end();
        });
      expect(await named("chat.example")).toBe(200);
      expect(await named("evil.example")).toBe(403);
    } finally {
      await open.dispose();
    }
  });
});
