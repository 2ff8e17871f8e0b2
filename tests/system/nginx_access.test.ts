// An access token behind nginx with deploy/nginx.conf: people sign in over TLS, programs send the token, and whoever guesses is known
// by his own address, not by nginx's.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { type Answer, Nginx, publicName } from "./support/nginx.ts";
import { start, until } from "./support/process.ts";
import { configurationFor, Reader, SpokenModel } from "./support/spoken.ts";
import { Transcript } from "./support/stream.ts";

const token = "m6Zk/8cqT+J1pWJ0n3o2yQ==";
const bearer = (sent = token) => ({ Authorization: `Bearer ${sent}` });
const origin = `https://${publicName}`;
const form = { "Content-Type": "application/x-www-form-urlencoded", Origin: origin };
const model = new SpokenModel();
let dataDir: string;
let engine: Engine;
let nginx: Nginx;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "throughline-"));
  writeFileSync(join(dataDir, "throughline.toml"), configurationFor(await model.begin()));
  engine = await startEngine({
    dataDir, env: { THROUGHLINE_ACCESS_TOKEN: token }, args: ["--trusted-proxy", "127.0.0.1", "--public-url", origin],
  });
  const place = new URL(engine.url).host;
  nginx = await Nginx.begin([place, place]);
});
afterAll(async () => {
  await nginx?.stop();
  await engine?.dispose();
  model.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Signs in by the form as a browser does; the whole Set-Cookie. */
async function signIn(from?: string): Promise<string> {
  const fields = new URLSearchParams({ token, next: "/conversations" }).toString();
  const reply = await nginx.call("POST", "/sign-in", fields, form, from);
  expect(reply.status).toBe(303);
  expect(reply.headers.location).toBe("/conversations");
  return reply.headers["set-cookie"]![0]!;
}

/** Words that the model says one after the other, each when the one before has been read. */
async function expectEachWordAtOnce(headers: Record<string, string>): Promise<void> {
  const posted = await nginx.call("POST", "/chat/messages", JSON.stringify({ content: "Go on" }), { Origin: origin, ...headers });
  expect(posted.status).toBe(202);
  const { task_id } = JSON.parse(posted.text);
  const reply = await nginx.open("GET", `/stream/${task_id}`, undefined, headers);
  expect(reply.statusCode).toBe(200);
  const reader = new Reader(reply, new Transcript());
  await model.isAsked();
  let text = "";
  for (let i = 0; i < 20; ++i) {
    model.say(`${i} `);
    text += `${i} `;
    await reader.reads(text);
  }
  model.end();
  await reader.readsTheEnd();
  expect(reader.transcript.terminal).toMatchObject({ chunk_type: "done" });
}

describe("behind nginx", () => {
  test("a browser is led to the sign-in page, and gets a cookie for TLS that lets it in", async () => {
    const led = await nginx.call("GET", "/conversations", undefined, { Accept: "text/html,*/*" });
    expect([led.status, led.headers.location]).toEqual([303, "/sign-in?next=/conversations"]);
    expect((await nginx.call("GET", led.headers.location!)).text).toContain('action="/sign-in"');
    const set = await signIn();
    expect(set).toMatch(/^__Host-throughline=[^;]+;/);
    for (const part of ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]) expect(set.split("; ")).toContain(part);
    const cookie = { Cookie: set.split(";")[0]! };
    expect((await nginx.call("GET", "/conversations", undefined, cookie)).status).toBe(200);
    expect((await nginx.call("POST", "/conversations", "{}", { ...cookie, Origin: origin })).status).toBe(201);
    expect((await nginx.call("POST", "/conversations", "{}", { ...cookie, Origin: "https://evil.example" })).status).toBe(403);
    expect((await nginx.call("POST", "/conversations", "{}", cookie)).status).toBe(403);
    await expectEachWordAtOnce(cookie);
  });

  test("the token of a program gets through, and chunks come as they are written", async () => {
    expect((await nginx.call("GET", "/conversations")).status).toBe(401);
    expect((await nginx.call("GET", "/conversations", undefined, bearer())).status).toBe(200);
    await expectEachWordAtOnce(bearer());
    const checking = start(["check", "--url", nginx.url, "--model", "demo/demo"],
      { env: { SSL_CERT_FILE: nginx.certificate, THROUGHLINE_ACCESS_TOKEN: token } });
    const status = await checking.ended;
    expect(checking.output()).toContain("Everything works.");
    expect(status).toBe(0);
  });

  const ask = (from: string, sent: string, headers = {}): Promise<Answer> =>
    nginx.call("GET", "/conversations", undefined, { ...bearer(sent), ...headers }, from);

  test("whoever guesses waits, whatever he says of himself, and nobody else does", async () => {
    for (let i = 0; i < 10; i++) {
      // nginx says from where it is; what the client says does not count.
      expect((await ask("127.0.0.5", `guess-${i}`, { "X-Forwarded-For": `192.0.2.${i}` })).status).toBe(401);
    }
    const limited = await ask("127.0.0.5", token);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("127.0.0.5", token, { "X-Forwarded-For": "192.0.2.77" })).status).toBe(429);
    const fields = new URLSearchParams({ token }).toString();
    expect((await nginx.call("POST", "/sign-in", fields, form, "127.0.0.5")).status).toBe(429);
    expect((await ask("127.0.0.6", token)).status).toBe(200);
    await signIn("127.0.0.6");
    await until("the log names him", () => engine.running.output().includes("wrong access token address=127.0.0.5 "));
    expect(engine.running.output()).not.toMatch(/wrong access token address=(127\.0\.0\.1|192\.)/);
  });

  test("an address that is no trusted proxy speaks for itself alone", async () => {
    const target = new URL(engine.url);
    const direct = (sent: string, forwardedFor: string) =>
      new Promise<number>((done, fail) => {
        request({ host: target.hostname, port: target.port, localAddress: "127.0.0.9", path: "/conversations",
          headers: { ...bearer(sent), "X-Forwarded-For": forwardedFor, "X-Forwarded-Proto": "https" } }, (reply) => {
          reply.resume();
          done(reply.statusCode!);
        }).on("error", fail).end();
      });
    for (let i = 0; i < 10; i++) expect(await direct(`guess-${i}`, `198.51.100.${i}`)).toBe(401);
    expect(await direct(token, "198.51.100.99")).toBe(429);
    await until("the log names it", () => engine.running.output().includes("wrong access token address=127.0.0.9 "));
    expect(engine.running.output()).not.toContain("198.51.100.");
    expect((await nginx.call("GET", "/conversations", undefined, bearer())).status).toBe(200);
  });
});
