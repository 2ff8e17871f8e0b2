// What goes wrong, on either side of the engine, and what a person sees of it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, isMany, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish, type Wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readOnce, readToEnd, Transcript } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({
    model: model.base,
    args: ["--idle-timeout", "1s", "--first-byte-timeout", "1s"],
  });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

async function answer(what: Wish): Promise<{ seen: Transcript; task: string; key: string; conversation: string; message: string }> {
  const key = freshKey();
  const posted = await engine.ask(wish({ key, ...what }));
  const seen = await readToEnd(engine.url, posted.task_id);
  return { seen, task: posted.task_id, key, conversation: posted.conversation_id, message: posted.message_id };
}

describe("a model that fails and then answers", () => {
  test.each([
    ["429 with Retry-After", { status: 429, retry_after: 1, fail_times: 1, tokens: 5 }],
    ["429 without Retry-After", { status: 429, fail_times: 1, tokens: 5 }],
    ["500", { status: 500, fail_times: 1, tokens: 5 }],
    ["503 twice", { status: 503, fail_times: 2, tokens: 5 }],
    ["529", { status: 529, fail_times: 1, tokens: 5 }],
  ] satisfies [string, Wish][])("%s: the answer arrives on a later attempt", async (_, what) => {
    const { seen, key, task } = await answer(what);
    expect(seen.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    const requests = await model.requests(key);
    expect(requests.length).toBe(what.fail_times! + 1);
    expect(seen.content).toBe(requests.at(-1)!.sent_text);
    expect(await engine.task(task)).toMatchObject({ attempt: what.fail_times! + 1, failures: what.fail_times! });
  });
});

describe("a model that never recovers", () => {
  test.each([
    ["500", { status: 500 }, "provider_unavailable", 3],
    ["401", { status: 401 }, "provider_unauthorized", 1],
    ["404", { status: 404 }, "provider_refused", 1],
    ["422", { status: 422 }, "provider_refused", 1],
    ["a connection reset in the middle", { tokens: 20, cut_after_tokens: 7, rst: true, pace_ms: 2 }, undefined, 3],
    ["a connection closed in the middle", { tokens: 20, cut_after_tokens: 7, pace_ms: 2 }, "provider_truncated", 3],
    ["an end without a finish reason", { tokens: 9, no_finish: true, no_done: true }, "provider_truncated", 3],
    ["a stall between tokens", { tokens: 20, stall_after: 4 }, "provider_timeout", 3],
    ["no first byte", { first_ms: 30_000 }, "provider_timeout", 3],
    ["HTML", { html: true }, "provider_bad_response", undefined],
    ["a redirect", { redirect: true }, undefined, undefined],
    ["an error in band", { tokens: 9, in_band_error_after: 5 }, undefined, undefined],
  ] satisfies [string, Wish, string | undefined, number | undefined][])(
    "%s: an error says so, and the text so far is kept",
    async (_, what: Wish, code, tries) => {
      const { seen, key, conversation, message } = await answer(what);
      expect(seen.terminal?.chunk_type).toBe("error");
      if (code !== undefined) expect(seen.terminal!.code).toBe(code);
      expect(seen.terminal!.content.length).toBeGreaterThan(10);
      expect(typeof seen.terminal!.retryable).toBe("boolean");
      const requests = await model.requests(key);
      if (tries !== undefined) expect(requests.length).toBe(tries);
      const stored = await engine.message(conversation, message);
      expect(stored.status).toBe("error");
      expect(stored.content).toBe(seen.content);
      expect(stored.error).toMatchObject({ code: seen.terminal!.code, retryable: seen.terminal!.retryable });
      if ((what.tokens ?? 0) > 0) expect(seen.content.length).toBeGreaterThan(0);
      expect(JSON.stringify(stored)).not.toContain("sk-test-secret");
    },
  );
});

describe("odd but whole answers", () => {
  test.each([
    ["no [DONE]", { tokens: 12, no_done: true }],
    ["no [DONE] and a connection that stays open", { tokens: 12, no_done: true, keep_open: true }],
    ["no usage", { tokens: 12, usage: false }],
    ["a delta of one megabyte", { tokens: 2, huge_delta_bytes: 900_000 }],
    ["a slow drip", { tokens: 4, drip_bytes_per_s: 4000 }],
    ["ten thousand tokens", { tokens: 10_000, pace_ms: 0 }],
    ["a text of hard characters", { text: 'a "quote" \\ \u2028 \u2029 \u{1F600} \r\n\n data: x é' }],
  ] satisfies [string, Wish][])("%s", async (_, what) => {
    const { seen, key, conversation, message } = await answer(what);
    expect(seen.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    expect(seen.content).toBe((await model.last(key)).sent_text);
    const stored = await engine.message(conversation, message);
    expect(stored.content).toBe(seen.content);
    expect(stored.usage?.estimated).toBe("usage" in what && what.usage === false);
  });

  test("bytes that are not UTF-8 become replacement characters", async () => {
    const { seen } = await answer({ tokens: 6, bad_utf8: true });
    expect(seen.terminal?.chunk_type).toBe("done");
    expect(seen.content).toContain("\uFFFD");
  });

  test("a finish for length is said", async () => {
    const { seen } = await answer({ tokens: 6, finish_reason: "length" });
    expect(seen.terminal).toMatchObject({ status: "completed", finish_reason: "length" });
  });
});

describe("the server dies", () => {
  test("kill -9 in the middle: every answer is whole after the restart, and no viewer sees text twice", async () => {
    let server = await startEngine({ model: model.base });
    try {
      const finished = await server.ask(wish({ key: freshKey(), tokens: 5, pace_ms: 0 }));
      const before = await readToEnd(server.url, finished.task_id);
      const running = await Promise.all(
        Array.from({ length: 30 }, async () => {
          const key = freshKey();
          return { key, posted: await server.ask(wish({ key, tokens: 100, pace_ms: 20 })) };
        }),
      );
      const viewers = running.map(({ posted }) => readToEnd(() => server.url, posted.task_id));
      await until("text everywhere", async () => {
        const tasks = await Promise.all(running.map(({ posted }) => server.task(posted.task_id)));
        return tasks.every((task) => task.chunk_count > 10);
      });
      server = await server.restart("SIGKILL");
      const seen = await Promise.all(viewers);
      for (const [n, { key, posted }] of running.entries()) {
        const requests = await model.requests(key);
        expect(requests.length).toBe(2);
        expect(seen[n]!.content).toBe(requests[1]!.sent_text);
        expect(seen[n]!.resets.length).toBe(1);
        expect(seen[n]!.resets[0]).toMatchObject({ attempt: 2 });
        expect((await server.message(posted.conversation_id, posted.message_id)).content).toBe(seen[n]!.content);
      }
      // What had ended is as it was: from the start, and for somebody who had part of it.
      const again = await readToEnd(server.url, finished.task_id);
      expect(again.content).toBe(before.content);
      expect(again.position).toBe(before.position);
      const partly = new Transcript();
      partly.position = "1-1";
      partly.attempt = 1;
      partly.index = 1;
      await readOnce(server.url, finished.task_id, partly, { cutAfter: 2 });
      await readToEnd(server.url, finished.task_id, { transcript: partly });
      // A log in memory is gone, one in Redis is not.
      if (isMany) expect(partly.resets).toEqual([]);
      else expect(partly.resets[0]).toMatchObject({ reason: "resumed_from_store", chunk_index: -1 });
      if (!isMany) expect(partly.content).toBe(before.content);
    } finally {
      await server.dispose();
    }
  });

  test("SIGTERM hands running answers back without counting a failure, and says goodbye to its readers", async () => {
    let server = await startEngine({ model: model.base, args: ["--shutdown-grace", "300ms"] });
    try {
      const key = freshKey();
      const posted = await server.ask(wish({ key, tokens: 120, pace_ms: 20 }));
      const viewer = readToEnd(() => server.url, posted.task_id);
      await until("some text", async () => (await server.task(posted.task_id)).chunk_count > 5);
      const code = await server.stop("SIGTERM");
      expect(code).toBe(0);
      server = await server.restart();
      const seen = await viewer;
      expect(seen.terminal).toMatchObject({ status: "completed" });
      expect(seen.content).toBe((await model.last(key)).sent_text);
      expect(await server.task(posted.task_id)).toMatchObject({ failures: 0, state: "succeeded" });
    } finally {
      await server.dispose();
    }
  });

  // An API process with nothing to finish is gone before anybody can ask it something.
  test.skipIf(isMany)("SIGTERM: what is asked meanwhile is told to come back, and streams say when", async () => {
    const server = await startEngine({ model: model.base, args: ["--shutdown-grace", "20s"] });
    try {
      const posted = await server.ask(wish({ tokens: 250, pace_ms: 20 }));
      await until("some text", async () => (await server.task(posted.task_id)).chunk_count > 5);
      const waiting = server.call("POST", "/chat/messages?use_celery=false", { content: wish({ tokens: 150, pace_ms: 20 }) });
      await until("both running", async () => (await server.call("GET", "/active-streams")).body.data.length === 2);
      process.kill(server.pid, "SIGTERM");
      const ready = await until("not ready", async () => {
        // Idle connections are closed when the drain begins, perhaps in the moment one is used again; below as well.
        const reply = await server.call("GET", "/readyz").catch(() => undefined);
        return reply?.status === 503 && reply;
      });
      expect(ready.body.status).toBe("not_ready");
      const refused = await until("a refusal", () => server.call("POST", "/conversations", {}).catch(() => undefined));
      expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
      // A caller who waits for the answer is told that it is accepted, and does not ask twice.
      expect((await waiting).status).toBe(202);
      const stream = await fetch(`${server.url}/stream/${posted.task_id}`);
      expect(stream.status).toBe(200);
      expect(await stream.text()).toMatch(/retry: \d+\n/);
      expect(await server.running.ended).toBe(0);
      const again = await server.restart();
      try {
        expect(await again.task(posted.task_id)).toMatchObject({ state: "succeeded", attempt: 1 });
      } finally {
        await again.stop("SIGKILL");
      }
    } finally {
      await server.dispose();
    }
  });

  test.skipIf(isMany)("a second process on the same data is refused in plain words", async () => {
    await expect(startEngine({ dataDir: engine.dataDir })).rejects.toThrow(/in use by process \d+/);
  });
});
