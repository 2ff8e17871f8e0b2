// What comes in by the door and should not, and a machine that has nothing left: refused politely, and over when it is over.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readToEnd } from "./support/stream.ts";

/** A plain connection that can break any rule, and all it has received. */
class Raw {
  readonly socket: Socket;
  text = "";
  ended = false;
  wasReset = false;

  constructor(url: string) {
    this.socket = connect(Number(new URL(url).port), "127.0.0.1");
    this.socket.on("data", (piece) => (this.text += piece.toString()));
    this.socket.on("close", () => (this.ended = true));
    this.socket.on("error", (why: NodeJS.ErrnoException) => (this.wasReset ||= why.code === "ECONNRESET"));
  }

  /** All until the server closes. */
  async toEnd(): Promise<string> {
    await until("the end of the connection", () => this.ended);
    return this.text;
  }

  status(): number | undefined {
    const match = this.text.match(/^HTTP\/1\.1 (\d{3}) /);
    return match ? Number(match[1]) : undefined;
  }

  problem(): { code: string; status: number } {
    return JSON.parse(this.text.slice(this.text.indexOf("\r\n\r\n") + 4));
  }
}

let model: Model;
beforeAll(async () => {
  model = await startModel();
});
afterAll(async () => {
  await model?.stop();
});

describe("requests that are none", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(async () => {
    await engine?.dispose();
  });

  const head = "POST /conversations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  test.each([
    ["two framings", `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`, 400, "invalid_request"],
    ["a bare line feed", "GET /models HTTP/1.1\nHost: 127.0.0.1\n\n", 400, "invalid_request"],
    ["a folded field", `${head}A: b\r\n c\r\n\r\n`, 400, "invalid_request"],
    ["a blank before the colon", `${head}A : b\r\n\r\n`, 400, "invalid_request"],
    ["a body that is too large", `${head}Content-Length: 9999999\r\n\r\n`, 413, "payload_too_large"],
    ["an endless request line", `GET /${"x".repeat(20_000)}`, 414, "target_too_long"],
    ["an endless head", head + "A: b\r\n".repeat(4000), 431, "head_too_large"],
    ["an unknown coding", `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501, "not_implemented"],
    ["an unknown version", "GET /models HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n", 505, "version_not_supported"],
    ["an expectation", `${head}Content-Length: 2\r\nExpect: magic\r\n\r\n{}`, 417, "expectation_failed"],
  ])("%s: a problem, and the marker behind it is not answered", async (_, bytes, status, code) => {
    const raw = new Raw(engine.url);
    raw.socket.write(bytes);
    raw.socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const all = await raw.toEnd();
    expect(raw.status()).toBe(status);
    expect(all).toContain("Content-Type: application/problem+json\r\n");
    expect(all).toContain("Connection: close\r\n");
    expect(raw.problem()).toMatchObject({ code, status });
    expect(all.match(/HTTP\/1\.1 \d/g)?.length).toBe(1);
    expect(raw.wasReset).toBe(false);
  });
});

describe("limits of a person", () => {
  test("posts of a minute", async () => {
    const engine = await startEngine({ args: ["--posts-per-minute-max", "3"] });
    try {
      const conversation = await engine.conversation();
      for (let n = 0; n < 3; n++) await engine.post(conversation.id, "short");
      const refused = await engine.call("POST", `/conversations/${conversation.id}/messages`, { content: "one more" });
      expect(refused).toMatchObject({ status: 429, body: { code: "too_many_requests" } });
      expect(refused.headers.get("content-type")).toBe("application/problem+json");
      const wait = Number(refused.headers.get("retry-after"));
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(20);
      // Reading is not posting.
      await engine.expect(200, "GET", `/conversations/${conversation.id}/messages`);
    } finally {
      await engine.dispose();
    }
  });

  test("connections of an address, and connections in all", async () => {
    const engine = await startEngine({ args: ["--connections-per-address-max", "3"] });
    try {
      const open = [1, 2, 3].map(() => new Raw(engine.url));
      for (const raw of open) raw.socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      await until("answers", () => open.every((raw) => raw.status() === 200));
      const refused = new Raw(engine.url);
      await refused.toEnd();
      expect(refused.status()).toBe(429);
      expect(refused.text).toMatch(/Retry-After: \d+\r\n/);
      expect(refused.problem()).toMatchObject({ code: "too_many_requests" });
      open[0]!.socket.destroy();
      await until("a place", async () => (await fetch(`${engine.url}/healthz`).catch(() => undefined))?.status === 200);
      for (const raw of open) raw.socket.destroy();
    } finally {
      await engine.dispose();
    }
  });
});

describe("64 descriptors", () => {
  test("clients are told to come back, answers are written, and all is well when they leave", async () => {
    const engine = await startEngine({ model: model.base, under: ["prlimit", "--nofile=64"] });
    try {
      expect(engine.running.output()).toMatch(/Note: \d+ connections at most, for lack of open files/);
      const before = await engine.ask(wish({ key: freshKey(), tokens: 3, pace_ms: 0 }));
      await readToEnd(engine.url, before.task_id);
      // Asked for before the crowd comes, answered while it is there.
      const keys = Array.from({ length: 20 }, freshKey);
      const posted = [];
      for (const key of keys) posted.push(await engine.ask(wish({ key, tokens: 20, pace_ms: 20, first_ms: 300 })));
      const crowd = Array.from({ length: 150 }, () => new Raw(engine.url));
      for (const raw of crowd) raw.socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      await until("everybody to be answered", () => crowd.every((raw) => raw.status() !== undefined || raw.ended), 30_000);
      const told = crowd.filter((raw) => raw.status() === 503);
      const served = crowd.filter((raw) => raw.status() === 200);
      expect(served.length).toBeGreaterThan(3);
      expect(told.length).toBeGreaterThan(50);
      for (const raw of told) {
        expect(raw.text).toMatch(/Retry-After: \d+\r\n/);
        expect(raw.problem().code).toBe("overloaded");
      }
      // Who is in stays in, and is served.
      const inside = served[0]!;
      inside.text = "";
      inside.socket.write("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      await until("an answer", () => inside.status() === 200);
      for (const raw of crowd) raw.socket.destroy();

      for (const [n, one] of posted.entries()) {
        const task = await until("its end", async () => {
          const seen = await engine.call("GET", `/tasks/${one.task_id}`).catch(() => undefined);
          return seen?.status === 200 && seen.body.finished_at !== null && seen.body;
        }, 60_000);
        expect(task).toMatchObject({ state: "succeeded", failures: 0 });
        expect((await engine.message(one.conversation_id, one.message_id)).content).toBe((await model.last(keys[n]!)).sent_text);
      }
    } finally {
      await engine.dispose();
    }
  });
});

/** A file system of its own, or nothing where that is not allowed. */
function smallDisk(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), "throughline-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", place], { stdio: "ignore" });
    return place;
  } catch {
    rmSync(place, { recursive: true });
    return undefined;
  }
}

describe("a full disk", () => {
  const disk = smallDisk();
  afterAll(() => {
    if (disk === undefined) return;
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  test.skipIf(disk === undefined)("posts are refused, what is stored is served, and it goes on when there is room again", async () => {
    const engine = await startEngine({ model: model.base, dataDir: disk! });
    try {
      const key = freshKey();
      const first = await engine.ask(wish({ key, tokens: 5, pace_ms: 0 }));
      const seen = await readToEnd(engine.url, first.task_id);
      expect(await engine.expect(200, "GET", "/readyz")).toMatchObject({ status: "ready" });

      const ballast = join(disk!, "ballast");
      let size = 8 * 1024 * 1024;
      while (size > 0) {
        try {
          writeFileSync(ballast, Buffer.alloc(size), { flag: "a" });
        } catch {
          size = Math.floor(size / 2);
        }
      }
      const large = "x".repeat(200_000);
      const refused = await until("a refusal", async () => {
        const reply = await engine.call("POST", "/conversations", { system_prompt: large });
        return reply.status !== 201 && reply;
      });
      expect(refused).toMatchObject({ status: 507, body: { code: "storage_full" } });
      expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
      // Perhaps a little could be written meanwhile: so it is asked right after a refusal.
      await until("degraded", async () => {
        await engine.call("POST", "/conversations", { system_prompt: large });
        const ready = await engine.call("GET", "/readyz");
        return ready.body.status === "degraded" && ready.status === 200 && /disk is full/.test(ready.body.reasons[0]);
      });
      const again = await readToEnd(engine.url, first.task_id);
      expect(again.content).toBe(seen.content);

      rmSync(ballast);
      await until("ready", async () => (await engine.call("GET", "/readyz")).body.status === "ready");
      const after = await engine.ask(wish({ key: freshKey(), tokens: 5, pace_ms: 0 }));
      expect((await readToEnd(engine.url, after.task_id)).terminal).toMatchObject({ status: "completed" });
    } finally {
      await engine.stop("SIGKILL");
    }
  });
});
