// Every row of the HTTP contract, and its errors.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readOnce, readToEnd, Transcript } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base, args: ["--cors-origin", "http://localhost:3000"] });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

const nobody = "018f0000-0000-7000-8000-000000000000";
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

async function expectProblem(status: number, code: string, method: string, path: string, body?: unknown, headers = {}) {
  const reply = await engine.call(method, path, body, headers);
  expect(reply.body).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
  expect(reply.status).toBe(status);
  expect(reply.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(reply.body.request_id).toBe(reply.headers.get("x-request-id"));
  return reply.body.detail as string;
}

describe("conversations", () => {
  test("are made, read, changed, hidden and brought back", async () => {
    const made = await engine.expect(201, "POST", "/conversations", {
      title: "Plans", model: "mock", system_prompt: "Be kind.",
    });
    expect(made).toMatchObject({
      id: uuid, title: "Plans", model: "mock", system_prompt: "Be kind.", pinned: false,
      created_at: time, updated_at: time, message_count: 0, active_task_ids: [], rev: expect.any(Number),
    });
    expect(await engine.expect(200, "GET", `/conversations/${made.id}`)).toEqual(made);
    const changed = await engine.expect(200, "PATCH", `/conversations/${made.id}`, {
      title: "Better plans", pinned: true, model: null,
    });
    expect(changed).toMatchObject({ title: "Better plans", pinned: true, model: null, system_prompt: "Be kind." });
    expect(changed.rev).toBeGreaterThan(made.rev);
    await engine.expect(204, "DELETE", `/conversations/${made.id}`);
    await expectProblem(404, "not_found", "GET", `/conversations/${made.id}`);
    await expectProblem(404, "not_found", "PATCH", `/conversations/${made.id}`, { title: "x" });
    await expectProblem(404, "not_found", "GET", `/conversations/${made.id}/messages`);
    await expectProblem(404, "not_found", "POST", `/conversations/${made.id}/messages`, { content: "x" });
    expect(await engine.expect(200, "POST", `/conversations/${made.id}/restore`)).toMatchObject({ title: "Better plans" });
    await engine.expect(200, "GET", `/conversations/${made.id}`);
  });

  test("deleting one stops its answers", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 5000, pace_ms: 20 }));
    const viewer = readToEnd(engine.url, posted.task_id);
    await until("text", async () => (await engine.task(posted.task_id)).chunk_count > 3);
    await engine.expect(204, "DELETE", `/conversations/${posted.conversation_id}`);
    expect((await viewer).terminal).toMatchObject({ status: "cancelled" });
    await until("the model's connection closed", async () => (await model.last(key)).closed_by_client);
    await expectProblem(404, "not_found", "GET", `/stream/${posted.task_id}`);
    await expectProblem(404, "not_found", "GET", `/tasks/${posted.task_id}`);
  });

  test("are listed in pages, pinned and newest first, and searched", async () => {
    const word = `needle${freshKey().replaceAll("-", "")}`;
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await engine.conversation({ title: `${word} ${n}` })).id);
    await engine.expect(200, "PATCH", `/conversations/${ids[1]}`, { pinned: true });
    const seen: { id: string; updated_at: string }[] = [];
    let cursor = "";
    do {
      const page = await engine.expect(200, "GET", `/conversations?limit=2&q=${word}${cursor && `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data);
      cursor = page.next_cursor ?? "";
    } while (cursor);
    expect(seen[0]!.id).toBe(ids[1]);
    expect(seen.map((one) => one.id).sort()).toEqual(ids.toSorted());
    // What was made in one millisecond has no order.
    const times = seen.slice(1).map((one) => one.updated_at);
    expect(times).toEqual(times.toSorted().reverse());
    const text = `haystack ${word}x in a text`;
    const posted = await engine.post(ids[0]!, text);
    await readToEnd(engine.url, posted.task_id);
    const found = await engine.expect(200, "GET", `/conversations?q=${word}x`);
    expect(found.data[0]).toMatchObject({ id: ids[0], snippet: expect.stringContaining(`${word}x`) });
    expect((await engine.expect(200, "GET", "/conversations?q=100%25_never")).data).toEqual([]);
    await expectProblem(400, "invalid_request", "GET", "/conversations?cursor=nonsense");
    await expectProblem(400, "invalid_request", "GET", "/conversations?limit=0");
    await expectProblem(400, "invalid_request", "GET", "/conversations?limit=many");
    expect(await expectProblem(400, "invalid_request", "GET", "/conversations?colour=red")).toContain("colour");
  });

  test("without a title take the start of the first message", async () => {
    const posted = await engine.ask("What is the height of the tallest tree? And why?");
    const made = await engine.expect(200, "GET", `/conversations/${posted.conversation_id}`);
    expect("What is the height of the tallest tree? And why?".startsWith(made.title.replace(/…$/, ""))).toBe(true);
    expect(made.title.length).toBeGreaterThan(10);
  });

  test("refuse what is wrong and say what", async () => {
    expect(await expectProblem(400, "invalid_request", "POST", "/conversations", { titel: "x" })).toContain("titel");
    await expectProblem(400, "invalid_request", "POST", "/conversations", { title: 5 });
    await expectProblem(400, "invalid_request", "POST", "/conversations", { title: "x".repeat(201) });
    await expectProblem(400, "invalid_request", "POST", "/conversations", "{");
    await expectProblem(400, "invalid_request", "POST", "/conversations", "[]");
    await expectProblem(400, "invalid_request", "POST", "/conversations", '{"title":"a","title":"b"}');
    await expectProblem(415, "unsupported_media_type", "POST", "/conversations", "{}", { "Content-Type": "text/plain" });
    await expectProblem(413, "payload_too_large", "POST", "/conversations", { title: "x".repeat(1_100_000) });
    await expectProblem(404, "not_found", "GET", `/conversations/${nobody}`);
    await expectProblem(404, "not_found", "GET", "/conversations/not-an-id");
    await expectProblem(404, "not_found", "GET", "/nowhere");
    const reply = await engine.call("PUT", "/conversations", {});
    expect(reply.status).toBe(405);
    expect(reply.headers.get("allow")).toMatch(/GET/);
    expect(reply.headers.get("allow")).toMatch(/POST/);
  });
});

describe("messages", () => {
  test("are posted, listed in both orders, and have every field", async () => {
    const posted = await engine.ask(wish({ tokens: 3 }));
    await readToEnd(engine.url, posted.task_id);
    const path = `/conversations/${posted.conversation_id}/messages`;
    const asc = await engine.expect(200, "GET", path);
    expect(asc.data.map((one: { role: string }) => one.role)).toEqual(["user", "assistant"]);
    expect(asc.data[1]).toMatchObject({
      id: posted.message_id, conversation_id: posted.conversation_id, parent_id: posted.user_message_id,
      seq: 2, rev: expect.any(Number), role: "assistant", status: "completed", task_id: posted.task_id,
      model: "mock", provider: expect.any(String), attempt: 1, finish_reason: "stop",
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number), total_tokens: expect.any(Number), estimated: false },
      ttft_ms: expect.any(Number), latency_ms: expect.any(Number), error: null, created_at: time, completed_at: time,
    });
    const desc = await engine.expect(200, "GET", `${path}?order=desc&limit=1`);
    expect(desc.data[0].id).toBe(posted.message_id);
    const rest = await engine.expect(200, "GET", `${path}?order=desc&limit=1&cursor=${desc.next_cursor}`);
    expect(rest.data[0].id).toBe(posted.user_message_id);
    expect(rest.next_cursor ?? null).toBe(null);
    await expectProblem(400, "invalid_request", "GET", `${path}?order=sideways`);
  });

  test("take a model, a queue, a priority and a parent", async () => {
    const conversation = await engine.conversation();
    const first = await engine.post(conversation.id, wish({ tokens: 2 }), { queue: "email", priority: 5, model: "mock" });
    await readToEnd(engine.url, first.task_id);
    expect(await engine.task(first.task_id)).toMatchObject({ queue: "email", priority: 5, state: "succeeded" });
    const branch = await engine.post(conversation.id, wish({ tokens: 2 }), { parent_id: first.message_id });
    await readToEnd(engine.url, branch.task_id);
    const path = `/conversations/${conversation.id}/messages`;
    expect(await expectProblem(422, "unprocessable", "POST", path, { content: "x", queue: "post" })).toContain("email");
    await expectProblem(422, "unprocessable", "POST", path, { content: "x", parent_id: nobody });
    await expectProblem(400, "invalid_request", "POST", path, { content: "" });
    await expectProblem(400, "invalid_request", "POST", path, {});
    await expectProblem(400, "invalid_request", "POST", path, { content: "x", priority: 1.5 });
    await expectProblem(413, "payload_too_large", "POST", path, { content: "x".repeat(262_145) });
    await engine.post(conversation.id, "x".repeat(262_144));
    await expectProblem(400, "invalid_request", "POST", path, { content: "x" }, { "Idempotency-Key": "x".repeat(256) });
  });

  test("are edited and regenerated only where that makes sense", async () => {
    const posted = await engine.ask(wish({ tokens: 2 }));
    await readToEnd(engine.url, posted.task_id);
    await expectProblem(422, "unprocessable", "POST", `/messages/${posted.message_id}/edit`, { content: "x" });
    await expectProblem(422, "unprocessable", "POST", `/messages/${posted.user_message_id}/regenerate`, {});
    await expectProblem(404, "not_found", "POST", `/messages/${nobody}/regenerate`, {});
    await expectProblem(404, "not_found", "POST", `/messages/${nobody}/edit`, { content: "x" });
  });

  test("GET /models lists what can be asked for", async () => {
    const models = await engine.expect(200, "GET", "/models");
    expect(models.data).toContainEqual({ id: expect.stringContaining("mock"), provider: expect.any(String), default: true });
  });
});

describe("streams and tasks", () => {
  test("a stream has the headers that proxies and browsers need", async () => {
    const posted = await engine.ask(wish({ tokens: 2 }));
    const reply = await fetch(`${engine.url}/stream/${posted.task_id}`);
    expect(reply.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(reply.headers.get("cache-control")).toBe("no-cache, no-transform");
    expect(reply.headers.get("x-accel-buffering")).toBe("no");
    const text = await reply.text();
    expect(text.startsWith("retry: 1000\n")).toBe(true);
    expect(text).toContain('id: 1-0\ndata: {"chunk_index":0,"chunk_type":"content","content":"');
    await expectProblem(404, "not_found", "GET", `/stream/${nobody}`);
    await expectProblem(404, "not_found", "GET", "/stream/what");
  });

  test("a task says where it is", async () => {
    const conversation = await engine.conversation();
    const first = await engine.post(conversation.id, wish({ tokens: 5000, pace_ms: 20 }));
    const second = await engine.post(conversation.id, wish({ tokens: 3 }));
    await until("text", async () => (await engine.task(first.task_id)).chunk_count > 3);
    const running = await engine.task(first.task_id);
    expect(running).toMatchObject({
      task_id: first.task_id, message_id: first.message_id, conversation_id: conversation.id, state: "running",
      status: "generating", attempt: 1, failures: 0, queue: "default", priority: 0, created_at: time, started_at: time,
      finished_at: null, last_error: null, position: expect.stringMatching(/^1-\d+$/),
    });
    expect(await engine.task(second.task_id)).toMatchObject({ state: "queued", status: "queued", attempt: 0, position: "" });
    const active = await engine.expect(200, "GET", "/active-streams");
    expect(active.data.map((one: { task_id: string }) => one.task_id)).toEqual(
      expect.arrayContaining([first.task_id, second.task_id]),
    );
    const listed = await engine.expect(200, "GET", `/conversations/${conversation.id}`);
    expect(listed.active_task_ids.sort()).toEqual([first.task_id, second.task_id].sort());
    await engine.expect(200, "POST", `/tasks/${first.task_id}/cancel`);
    await readToEnd(engine.url, second.task_id);
    await expectProblem(404, "not_found", "GET", `/tasks/${nobody}`);
    await expectProblem(404, "not_found", "POST", `/tasks/${nobody}/cancel`);
    await expectProblem(404, "not_found", "POST", `/tasks/${nobody}/retry`);
  });
});

describe.each(["", "/api/v1"])("the chat routes under '%s'", (prefix) => {
  test("post, stream and say how it stands, in the words of sessions", async () => {
    const key = freshKey();
    const posted = await engine.expect(202, "POST", `${prefix}/chat/messages?use_celery=true`, {
      content: wish({ key, tokens: 40, pace_ms: 20 }),
    });
    expect(posted).toMatchObject({ message_id: uuid, session_id: uuid, task_id: uuid, status: "queued" });
    expect(posted.stream_url).toContain(`/chat/stream/${posted.session_id}?message_id=${posted.message_id}`);
    const transcript = new Transcript();
    const path = `${prefix}/chat/stream/${posted.session_id}`;
    await readOnce(engine.url, posted.task_id, transcript, { path, cutAfter: 5 });
    expect(transcript.position).toMatch(new RegExp(`^${posted.task_id}:1-\\d+$`));
    const status = await engine.expect(200, "GET", `${prefix}/chat/status/${posted.session_id}/${posted.message_id}`);
    expect(status).toMatchObject({ status: "generating", task_id: posted.task_id, error: null });
    expect(status.content.startsWith(transcript.content)).toBe(true);
    expect(status.chunk_count).toBeGreaterThan(4);
    const streams = await engine.expect(200, "GET", `${prefix}/chat/active-streams`);
    expect(streams.data.map((one: { session_id: string }) => one.session_id)).toContain(posted.session_id);
    while (!transcript.terminal) await readOnce(engine.url, posted.task_id, transcript, { path });
    expect(transcript.content).toBe((await model.last(key)).sent_text);
    const ended = await engine.expect(200, "GET", `${prefix}/chat/status/${posted.session_id}/${posted.message_id}`);
    expect(ended).toMatchObject({ status: "completed", content: transcript.content });
    expect((await fetch(engine.url + path)).status).toBe(204);
    const whole = new Transcript();
    await readOnce(engine.url, posted.task_id, whole, { path: `${path}?message_id=${posted.message_id}` });
    expect(whole.content).toBe(transcript.content);
  });

  test("a session begins with the system prompt of its first message, which the model is told", async () => {
    const key = freshKey();
    const first = { content: wish({ key, tokens: 2 }), system_prompt: "Be brief." };
    const posted = await engine.expect(202, "POST", `${prefix}/chat/messages`, first);
    const { session_id, task_id } = posted;
    expect((await engine.expect(200, "GET", `${prefix}/conversations/${session_id}`)).system_prompt).toBe("Be brief.");
    await readToEnd(engine.url, task_id);
    expect((await model.last(key)).messages.map(({ role }) => role)).toEqual(["system", "user"]);
    await expectProblem(400, "invalid_request", "POST", `${prefix}/chat/messages`, { ...first, session_id });
  });

  test("wait for the whole answer when asked to", async () => {
    const key = freshKey();
    const message = await engine.expect(200, "POST", `${prefix}/chat/messages?use_celery=false`, {
      content: wish({ key, tokens: 10, pace_ms: 5 }),
    });
    expect(message).toMatchObject({ status: "completed", role: "assistant", content: (await model.last(key)).sent_text });
    const failed = await engine.expect(200, "POST", `${prefix}/chat/messages?background=false`, {
      content: wish({ status: 401 }),
    });
    expect(failed).toMatchObject({ status: "error", error: { code: "provider_unauthorized" } });
    const next = await engine.expect(202, "POST", `${prefix}/chat/messages`, {
      session_id: message.conversation_id, content: wish({ tokens: 1 }),
    });
    expect(next.session_id).toBe(message.conversation_id);
    await readToEnd(engine.url, next.task_id);
    await expectProblem(404, "not_found", "POST", `${prefix}/chat/messages`, { session_id: nobody, content: "x" });
    await expectProblem(404, "not_found", "GET", `${prefix}/chat/stream/${nobody}`);
    await expectProblem(404, "not_found", "GET", `${prefix}/chat/status/${nobody}/${nobody}`);
  });
});

describe("the door", () => {
  test("is closed to other sites and strange names", async () => {
    await expectProblem(403, "forbidden", "POST", "/conversations", {}, { Origin: "https://evil.example" });
    await expectProblem(403, "forbidden", "POST", "/conversations", {}, { "Sec-Fetch-Site": "cross-site" });
    await engine.expect(201, "POST", "/conversations", {}, { Origin: engine.url });
    const { port } = new URL(engine.url);
    const rebound = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1");
      let text = "";
      socket.on("data", (piece) => (text += piece.toString()));
      socket.on("end", () => resolve(text));
      socket.on("error", reject);
      socket.write("GET /conversations HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    });
    expect(rebound).toMatch(/^HTTP\/1.1 403 /);
  });

  test("is open to configured origins, with preflight", async () => {
    const origin = { Origin: "http://localhost:3000" };
    const preflight = await fetch(`${engine.url}/chat/messages`, {
      method: "OPTIONS",
      headers: { ...origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    const reply = await engine.call("POST", "/conversations", {}, origin);
    expect(reply.status).toBe(201);
    expect(reply.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect((await engine.call("GET", "/conversations")).headers.get("access-control-allow-origin")).toBe(null);
  });

  test("says whether the process is alive and ready", async () => {
    expect(await engine.expect(200, "GET", "/healthz")).toMatchObject({ status: "ok" });
    expect(await engine.expect(200, "GET", "/readyz")).toMatchObject({ status: "ready" });
  });

  test("takes a sane request id and makes one otherwise", async () => {
    const sane = await engine.call("GET", "/healthz", undefined, { "X-Request-Id": "abc-123" });
    expect(sane.headers.get("x-request-id")).toBe("abc-123");
    const odd = await engine.call("GET", "/healthz", undefined, { "X-Request-Id": "a b<script>" });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});
