// What has a limit and what waits: full has a clear answer, and silence is filled.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readToEnd, SseReader } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({
    model: model.base,
    args: [
      "--sync-wait", "200ms", "--keep-alive", "100ms", "--open-tasks-per-principal-max", "3",
      "--streams-per-principal-max", "2",
    ],
  });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

describe("limits", () => {
  test("a caller who waits for the answer gets 202 when it takes longer, and the answer goes on", async () => {
    const key = freshKey();
    const reply = await engine.expect(202, "POST", "/chat/messages?use_celery=false", {
      content: wish({ key, tokens: 40, pace_ms: 20 }),
    });
    expect(reply).toMatchObject({ status: "queued", stream_url: expect.stringContaining("/chat/stream/") });
    const seen = await readToEnd(engine.url, reply.task_id);
    expect(seen.content).toBe((await model.last(key)).sent_text);
  });

  test("a stream in which nothing happens is kept alive by comments", async () => {
    const posted = await engine.ask(wish({ tokens: 20, stall_after: 3 }));
    const abort = new AbortController();
    const reply = await fetch(`${engine.url}/stream/${posted.task_id}`, { signal: abort.signal });
    const reader = new SseReader();
    const decoder = new TextDecoder();
    for await (const piece of reply.body!) {
      reader.feed(decoder.decode(piece, { stream: true }));
      if (reader.comments >= 3) break;
    }
    abort.abort();
    expect(reader.retry).toBe(1000);
    await engine.expect(200, "POST", `/tasks/${posted.task_id}/cancel`);
  });

  test("too many open answers are 429 with a time to come back, and nothing is stored", async () => {
    const conversation = await engine.conversation();
    const open = [];
    for (let n = 0; n < 3; n++) open.push(await engine.post(conversation.id, wish({ tokens: 5000, pace_ms: 20 })));
    const refused = await engine.call("POST", `/conversations/${conversation.id}/messages`, { content: "one more" });
    expect(refused).toMatchObject({ status: 429, body: { code: "too_many_requests" } });
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    const page = await engine.expect(200, "GET", `/conversations/${conversation.id}/messages`);
    expect(page.data.length).toBe(6);
    for (const one of open.reverse()) await engine.expect(200, "POST", `/tasks/${one.task_id}/cancel`);
    await readToEnd(engine.url, (await engine.post(conversation.id, wish({ tokens: 1 }))).task_id);
  });

  test("too many streams of one person are 429", async () => {
    const posted = await engine.ask(wish({ tokens: 5000, pace_ms: 20 }));
    const abort = new AbortController();
    const open = await Promise.all(
      [1, 2].map(() => fetch(`${engine.url}/stream/${posted.task_id}`, { signal: abort.signal })),
    );
    expect(open.map((one) => one.status)).toEqual([200, 200]);
    expect(await engine.call("GET", `/stream/${posted.task_id}`)).toMatchObject({
      status: 429, body: { code: "too_many_requests" },
    });
    abort.abort();
    await engine.expect(200, "POST", `/tasks/${posted.task_id}/cancel`);
    await until("a place is free again", async () => (await fetch(`${engine.url}/stream/${posted.task_id}`)).status === 200);
  });
});

describe("the same key twice, on every call that starts an answer", () => {
  test("edit, regenerate and retry start one answer each", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, status: 400 }));
    await readToEnd(engine.url, posted.task_id);
    const calls: [string, object][] = [
      [`/messages/${posted.message_id}/regenerate`, {}],
      [`/tasks/${posted.task_id}/retry`, {}],
      [`/messages/${posted.user_message_id}/edit`, { content: wish({ key, tokens: 1 }) }],
    ];
    for (const [path, body] of calls) {
      const headers = { "Idempotency-Key": freshKey() };
      const first = await engine.expect(202, "POST", path, body, headers);
      const second = await engine.expect(202, "POST", path, body, headers);
      expect(second).toEqual(first);
      await readToEnd(engine.url, first.task_id);
    }
    expect((await model.requests(key)).length).toBe(4);
  });
});

test("a model that nobody serves is refused when it is asked for, and the reply names those there are", async () => {
  const reply = await engine.call("POST", "/chat/messages", { content: "x", model: "no-such-model" });
  expect(reply).toMatchObject({ status: 422, body: { code: "unprocessable" } });
  expect(reply.body.detail).toContain("mock");
});
