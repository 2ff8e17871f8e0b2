// `throughline check`: what works is called good, and each fault of a proxy is called by its name.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { start } from "./support/process.ts";
import { type Faults, startProxy } from "./support/proxy.ts";

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine(); // with its demo model
});
afterAll(async () => {
  await engine?.dispose();
});

async function check(url: string) {
  const running = start(["check", "--url", url]);
  const status = await running.ended;
  return { status, output: running.output() };
}

async function checkThrough(faults: Faults) {
  const proxy = await startProxy(engine.url, faults);
  const got = await check(proxy.url);
  await proxy.close();
  return got;
}

test("finds nothing wrong with a server, and leaves no conversation behind", async () => {
  const { status, output } = await check(engine.url);
  expect(output).toMatch(/^ok +connect.*\nok +post.*\nok +stream.*\nok +resume.*\nok +long poll.*\nok +stored.*\nEverything works\.\n$/);
  expect(status).toBe(0);
  expect((await engine.expect(200, "GET", "/conversations")).data).toEqual([]);
});

test("finds nothing wrong with a proxy that passes everything on", async () => {
  const { status, output } = await checkThrough({});
  expect(output).toContain("Everything works.");
  expect(status).toBe(0);
});

test("says that nothing listens", async () => {
  const { status, output } = await check("http://127.0.0.1:1");
  expect(output).toMatch(/^FAIL +connect/);
  expect(output).toContain("Is it started (`throughline serve --listen 127.0.0.1:1`)");
  expect(status).toBe(1);
});

test("says that it is not Throughline", async () => {
  const { createServer } = await import("node:http");
  const other = createServer((_, reply) => reply.end("<h1>It works!</h1>")).listen(0, "127.0.0.1");
  await new Promise((listening) => other.once("listening", listening));
  const { status, output } = await check(`http://127.0.0.1:${(other.address() as { port: number }).port}`);
  other.close();
  expect(output).toMatch(/^FAIL +connect .* and that is not Throughline/);
  expect(status).toBe(1);
});

test("says that a proxy refuses posts", async () => {
  const { status, output } = await checkThrough({ refusesPosts: 405 });
  expect(output).toMatch(/ok +connect[^]*FAIL +post +refused with 405[^]*a proxy does not let POST through/);
  expect(status).toBe(1);
});

test("finds a proxy that holds the stream back", async () => {
  const { status, output } = await checkThrough({ buffers: true });
  expect(output).toMatch(/FAIL +stream +held back: .* in 1 lump[^]*proxy_buffering off/);
  expect(output).toMatch(/ok +long poll/);
  expect(status).toBe(1);
});

test("finds a proxy that compresses the stream", async () => {
  const { status, output } = await checkThrough({ compresses: true });
  expect(output).toMatch(/FAIL +stream +held back: .*compresses them: gzip/);
  expect(status).toBe(1);
});

test("finds a proxy that strips Last-Event-ID", async () => {
  const { status, output } = await checkThrough({ strips: ["last-event-id"] });
  expect(output).toMatch(/ok +stream[^]*FAIL +resume .*got everything again; with \?after= it works/);
  expect(status).toBe(1);
});

test("finds a proxy that loses a chunk", async () => {
  const frame = /id: 1-9\ndata: [^\n]*\n\n/;
  const { status, output } = await checkThrough({
    changes: (piece) => Buffer.from(piece.toString("latin1").replace(frame, ""), "latin1"),
  });
  expect(output).toMatch(/FAIL +stream +1 chunks lost/);
  expect(status).toBe(1);
});

test("finds that the long poll does not get through", async () => {
  const { status, output } = await checkThrough({ stripsQuery: true });
  expect(output).toMatch(/ok +resume[^]*FAIL +long poll/);
  expect(status).toBe(1);
});
