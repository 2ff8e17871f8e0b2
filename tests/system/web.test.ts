// The web application as the binary serves it: every file in every coding, byte for byte what was built; what browsers are told
// about it; which addresses are its own and which the API's; and who gets it from a server with an access token.
import { readdirSync, readFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { SseReader } from "./support/stream.ts";

const folder = fileURLToPath(new URL("../../build/web", import.meta.url));
const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length));
const hashed = files.filter((path) => path.startsWith("/assets/"));
const onDisk = (path: string): Buffer => readFileSync(folder + path);
const browser = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br, zstd" };
const page = onDisk("/index.html").toString();

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A request with these headers and no others: `fetch` adds its own, and decodes. */
function ask(engine: Engine, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return new Promise((done, fail) => {
    const call = request(engine.url + path, { method, headers }, (reply) => {
      const pieces: Buffer[] = [];
      reply.on("data", (piece: Buffer) => pieces.push(piece));
      reply.on("end", () => done({ status: reply.statusCode!, headers: reply.headers, body: Buffer.concat(pieces) }));
      reply.on("error", fail);
    });
    call.on("error", fail);
    call.end();
  });
}

function decoded(reply: Reply): Buffer {
  const coding = reply.headers["content-encoding"];
  return coding === "br" ? brotliDecompressSync(reply.body) : coding === "gzip" ? gunzipSync(reply.body) : reply.body;
}

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ args: ["--cors-origin", "http://localhost:5173"] });
});
afterAll(async () => {
  await engine?.dispose();
});

describe("the files", () => {
  test.each(files)("%s comes as it was built, in whatever coding", async (path) => {
    const original = onDisk(path);
    const seen = new Map<string | undefined, Reply>();
    for (const coding of ["", "identity", "gzip", "br", "gzip, deflate, br, zstd"]) {
      const reply = await ask(engine, path, coding === "" ? {} : { "Accept-Encoding": coding });
      expect(reply.status).toBe(200);
      expect(decoded(reply).equals(original), `by ${coding}`).toBe(true);
      expect(reply.headers["content-length"]).toBe(String(reply.body.length));
      if (coding === "" || coding === "identity") expect(reply.headers["content-encoding"]).toBeUndefined();
      if (reply.headers["content-encoding"]) expect(reply.body.length).toBeLessThan(original.length);
      seen.set(reply.headers["content-encoding"], reply);
    }
    const tags = new Set([...seen.values()].map((reply) => reply.headers.etag));
    expect(tags.size, "a tag for each coding").toBe(seen.size);
    const [first] = seen.values();
    const head = await ask(engine, path, {}, "HEAD");
    expect({ ...head.headers, "x-request-id": "", date: "" }).toEqual({ ...first!.headers, "x-request-id": "", date: "" });
    expect(head.body.length).toBe(0);
  });

  test("scripts and styles are small on the way", async () => {
    const script = hashed.find((path) => path.endsWith(".js"))!;
    expect((await ask(engine, script, browser)).headers["content-encoding"]).toBe("br");
    expect((await ask(engine, script, { "Accept-Encoding": "gzip, deflate" })).headers["content-encoding"]).toBe("gzip");
    expect((await ask(engine, script, { "Accept-Encoding": "br;q=0, gzip;q=0.1" })).headers["content-encoding"]).toBe("gzip");
    expect((await ask(engine, script, { "Accept-Encoding": "br;q=0, gzip;q=0" })).headers["content-encoding"]).toBeUndefined();
  });

  test("a copy that is still the same is not sent again", async () => {
    for (const path of ["/", ...files]) {
      const whole = await ask(engine, path, browser);
      const same = await ask(engine, path, { ...browser, "If-None-Match": whole.headers.etag! });
      expect(same.status).toBe(304);
      expect(same.body.length).toBe(0);
      for (const name of ["etag", "vary", "cache-control", "content-security-policy"]) expect(same.headers[name]).toBe(whole.headers[name]);
      expect((await ask(engine, path, { ...browser, "If-None-Match": '"other"' })).status).toBe(200);
    }
  });

  test("what is named by its bytes is kept for good, the rest is asked for each time", async () => {
    expect(hashed.length).toBeGreaterThan(1);
    for (const path of ["/", "/settings", ...files]) {
      const { headers } = await ask(engine, path, browser);
      expect(headers["cache-control"], path).toBe(hashed.includes(path) ? "public, max-age=31536000, immutable" : "no-cache");
    }
    for (const path of hashed) expect(path, "has a hash").toMatch(/-[A-Za-z0-9_-]{8,}\.\w+$/);
  });

  test("the page needs nothing but them, and keeps to its policy", async () => {
    for (const [, address] of page.matchAll(/(?:src|href)="([^"#]*)"/g)) {
      expect(address).toMatch(/^\//);
      expect((await ask(engine, address!)).status, address).toBe(200);
    }
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
  });
});

test("headers say what a browser may do with it, exactly", async () => {
  const { headers } = await ask(engine, "/", browser);
  delete headers["x-request-id"];
  expect(headers).toEqual({
    "cache-control": "no-cache",
    "content-encoding": "br",
    "content-length": headers["content-length"],
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
      "worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; " +
      "require-trusted-types-for 'script'; trusted-types throughline-sw",
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "etag": headers.etag,
    "permissions-policy": headers["permissions-policy"],
    "referrer-policy": "same-origin",
    "vary": "Accept-Encoding, Origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
  expect(headers.etag).toMatch(/^"[0-9a-f]{32}-br"$/);
  for (const feature of ["camera", "microphone", "geolocation", "clipboard-read"]) expect(headers["permissions-policy"]).toContain(`${feature}=()`);
  expect(headers["permissions-policy"]).not.toContain("clipboard-write");
  for (const path of ["/conversations", "/nothing"]) {
    const reply = await ask(engine, path);
    expect(reply.headers).toMatchObject({ "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin", "cache-control": "no-store" });
  }
});

describe("addresses", () => {
  test("of the application, whatever they are, are the one page", async () => {
    for (const path of ["/", "/index.html", "/c/0199d3f0-0000-7000-8000-000000000000", "/settings", "/what/ever", "/c/x?m=1", "/?source=pwa"]) {
      const reply = await ask(engine, path, browser);
      expect(reply.status, path).toBe(200);
      expect(decoded(reply).toString()).toBe(page);
    }
    expect((await ask(engine, "/")).body.toString()).toBe(page);
  });

  test("of the API stay the API's, and programs are told what is not there", async () => {
    const { id } = await engine.conversation();
    for (const [path, status] of [["/conversations", 200], [`/conversations/${id}`, 200], ["/conversations/x", 404], ["/api/v1/nothing", 404],
      ["/assets/index-gone.js", 404], ["/chat/messages", 405], ["/me", 200]] as const) {
      const reply = await ask(engine, path, browser);
      expect(reply.status, path).toBe(status);
      expect(reply.headers["content-type"]).toMatch(status === 200 ? /^application\/json/ : /^application\/problem\+json/);
    }
    for (const path of ["/settings", "/c/x", "/nothing", "/favicon.gone"]) {
      const reply = await ask(engine, path, { Accept: "*/*" });
      expect(reply.status).toBe(404);
      expect(JSON.parse(reply.body.toString())).toMatchObject({ code: "not_found" });
    }
  });

  test("are read, and nothing else", async () => {
    for (const path of ["/", hashed[0]!]) {
      const reply = await ask(engine, path, { "Sec-Fetch-Site": "same-origin" }, "POST");
      expect(reply.status).toBe(405);
      expect(reply.headers.allow).toBe("GET, HEAD");
    }
    expect((await ask(engine, "/settings", browser, "DELETE")).status).toBe(404);
  });
});

describe("with an access token", () => {
  const token = "Xw0hE4m2Yk9s3T7uQa5cLg==";
  let closed: Engine;
  beforeAll(async () => {
    closed = await startEngine({ env: { THROUGHLINE_ACCESS_TOKEN: token } });
  });
  afterAll(async () => {
    await closed?.dispose();
  });

  test("strangers get the files, and a browser is led to where people sign in, and back", async () => {
    for (const path of files.filter((one) => one !== "/index.html")) expect((await ask(closed, path)).status, path).toBe(200);
    for (const path of ["/", "/c/0199d3f0-0000-7000-8000-000000000000", "/settings"]) {
      const led = await ask(closed, path, browser);
      expect(led.status).toBe(303);
      expect(led.headers.location).toBe(`/sign-in?next=${path}`);
      expect((await ask(closed, path)).status, "a program").toBe(401);
    }
    expect((await ask(closed, "/me", browser)).status).toBe(303);
    expect((await ask(closed, "/me")).status).toBe(401);
    const form = await fetch(`${closed.url}/sign-in`, { method: "POST", redirect: "manual",
      headers: { Origin: closed.url }, body: new URLSearchParams({ token, next: "/settings" }) });
    expect(form.headers.get("location")).toBe("/settings");
    const cookie = { Cookie: form.headers.get("set-cookie")!.split(";")[0]! };
    expect(decoded(await ask(closed, "/settings", { ...browser, ...cookie })).toString()).toBe(page);
    expect(JSON.parse((await ask(closed, "/me", cookie)).body.toString())).toMatchObject({ principal: "local", signed_in: "token" });
  });
});

describe("/me", () => {
  const me = (of: Engine) => of.expect(200, "GET", "/me");

  test("names the installation: the same after a restart, another one with other data", async () => {
    const first = await me(engine);
    expect(first).toEqual({ principal: "local", installation: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/), version: expect.any(String), signed_in: "open" });
    expect(await me(engine)).toEqual(first);
    let other = await startEngine();
    try {
      const { installation } = await me(other);
      expect(installation).not.toBe(first.installation);
      other = await other.restart();
      expect((await me(other)).installation).toBe(installation);
    } finally {
      await other.dispose();
    }
  });
});

describe("a page of a configured origin", () => {
  const origin = "http://localhost:5173";

  test("may ask with credentials and with the headers of the protocol, and read what says when to come back", async () => {
    for (const [method, path] of [["POST", "/chat/messages"], ["GET", "/events"], ["PATCH", "/conversations/x"], ["DELETE", "/conversations/x"]] as const) {
      const preflight = await ask(engine, path, { Origin: origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,idempotency-key,last-event-id" }, "OPTIONS");
      expect(preflight.status).toBe(204);
      expect(preflight.headers).toMatchObject({ "access-control-allow-origin": origin, "access-control-allow-credentials": "true" });
      expect(preflight.headers["access-control-allow-methods"]).toContain(method);
      for (const name of ["Content-Type", "Idempotency-Key", "Last-Event-ID"]) expect(preflight.headers["access-control-allow-headers"]).toContain(name);
    }
    const refused = await ask(engine, "/nothing", { Origin: origin });
    expect(refused.headers).toMatchObject({ "access-control-allow-origin": origin, "access-control-allow-credentials": "true" });
    for (const name of ["Retry-After", "X-Request-Id"]) expect(refused.headers["access-control-expose-headers"]).toContain(name);
    const foreign = await ask(engine, "/models", { Origin: "http://localhost:5174" });
    expect(foreign.headers["access-control-allow-origin"]).toBeUndefined();
    expect(foreign.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test("follows everything", async () => {
    const abort = new AbortController();
    const reply = await fetch(`${engine.url}/events?since=0`, { headers: { Origin: origin, "Last-Event-ID": "0" }, signal: abort.signal });
    expect(reply.headers.get("access-control-allow-origin")).toBe(origin);
    const reader = new SseReader();
    const decoder = new TextDecoder();
    await engine.conversation({ title: "Seen from afar" });
    let seen = false;
    for await (const piece of reply.body!) {
      seen ||= reader.feed(decoder.decode(piece, { stream: true })).some((event) => event.data.includes("Seen from afar"));
      if (seen) break;
    }
    abort.abort();
    expect(seen).toBe(true);
  });
});
