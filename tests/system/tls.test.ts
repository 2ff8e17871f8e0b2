// Models over TLS: a certificate nobody vouches for is refused, one that is trusted is used, with HTTP/2 when it is offered.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEngine } from "./support/engine.ts";
import { readToEnd } from "./support/stream.ts";

let folder: string;
let server: Http2SecureServer;
let base: string;
const versions: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "throughline-tls-"));
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem"),
  ], { stdio: "ignore" });
  server = createSecureServer({
    key: readFileSync(join(folder, "key.pem")),
    cert: readFileSync(join(folder, "cert.pem")),
    allowHTTP1: true,
  });
  server.on("request", (request, reply) => {
    versions.push(request.httpVersion);
    reply.writeHead(200, { "content-type": "text/event-stream" });
    const say = (delta: object, finish: string | null) =>
      reply.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    say({ role: "assistant", content: "over " }, null);
    say({ content: "TLS" }, null);
    say({}, "stop");
    reply.end("data: [DONE]\n\n");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  base = `https://localhost:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => {
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a certificate that nobody vouches for is refused, and the error says so", async () => {
  const engine = await startEngine({ model: base, args: ["--failures-max", "1"] });
  try {
    const posted = await engine.ask("hello");
    const seen = await readToEnd(engine.url, posted.task_id);
    expect(seen.terminal).toMatchObject({ chunk_type: "error", code: "provider_unreachable" });
    expect(seen.terminal!.content).toMatch(/certificate/i);
    expect(versions).toEqual([]);
  } finally {
    await engine.dispose();
  }
});

test("a trusted one is used, over HTTP/2", async () => {
  const engine = await startEngine({ model: base, env: { SSL_CERT_FILE: join(folder, "cert.pem") } });
  try {
    const posted = await engine.ask("hello");
    const seen = await readToEnd(engine.url, posted.task_id);
    expect(seen).toMatchObject({ content: "over TLS", terminal: { chunk_type: "done" } });
    expect(versions).toEqual(["2.0"]);
  } finally {
    await engine.dispose();
  }
});
