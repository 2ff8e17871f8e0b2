import { expect, test, vi } from "vitest";
import { Api } from "./api.ts";
import { parseRetryAfter } from "./problem.ts";

function apiWith(reply: (url: string, init: RequestInit) => Response | Promise<Response>) {
  const seen: { url: string; init: RequestInit }[] = [];
  const api = new Api({
    baseUrl: "http://engine/",
    token: "secret",
    timeoutMs: 50,
    fetch: async (input, init = {}) => {
      seen.push({ url: String(input), init });
      return reply(String(input), init);
    },
  });
  return { api, seen };
}

const submission = { task_id: "t", message_id: "m", user_message_id: "u", status: "processing" };

test("a post carries its key, the token and JSON", async () => {
  const { api, seen } = apiWith(() => Response.json(submission, { status: 202 }));
  const reply = await api.post("a/b", { content: "Hello" }, "key-1");
  expect(reply).toEqual({ ok: true, value: { task_id: "t", message_id: "m", user_message_id: "u" } });
  expect(seen[0]?.url).toBe("http://engine/conversations/a%2Fb/messages");
  expect(seen[0]?.init).toMatchObject({ method: "POST", body: '{"content":"Hello"}' });
  expect(seen[0]?.init.headers).toMatchObject({
    Authorization: "Bearer secret",
    "Idempotency-Key": "key-1",
    "Content-Type": "application/json",
  });
});

test("a call without a body declares none", async () => {
  const { api, seen } = apiWith(() => new Response(null, { status: 204 }));
  expect(await api.remove("c")).toEqual({ ok: true, value: null });
  expect(seen[0]?.init.headers).not.toHaveProperty("Content-Type");
});

test("queries leave out what is not given", async () => {
  const page = { data: [], next_cursor: null };
  const { api, seen } = apiWith(() => Response.json(page));
  await api.conversations({ limit: 5, cursor: undefined, q: "a&b" });
  await api.messages("c");
  expect(seen.map(({ url }) => url)).toEqual([
    "http://engine/conversations?limit=5&q=a%26b",
    "http://engine/conversations/c/messages",
  ]);
});

test("a problem of the engine, with Retry-After", async () => {
  const problem = { code: "overloaded", title: "Busy", detail: "Later.", request_id: "r" };
  const { api } = apiWith(() => Response.json(problem, { status: 503, headers: { "Retry-After": "3" } }));
  expect(await api.me()).toEqual({
    ok: false,
    problem: { ...problem, status: 503, retry_after_ms: 3000 },
  });
});

test.each([
  ["the page of a proxy", () => new Response("<html>", { status: 502 }), "unexpected_reply", 502],
  ["not JSON", () => new Response("hello"), "unexpected_reply", 200],
  ["not as described", () => Response.json({ principal: 1 }), "unexpected_reply", 200],
  ["no network", () => Promise.reject(new TypeError("refused")), "network", 0],
])("%s is a value", async (_, reply, code, status) => {
  const { api } = apiWith(reply);
  const result = await api.me();
  expect(result.ok ? null : [result.problem.code, result.problem.status]).toEqual([code, status]);
  expect(result.ok ? null : result.problem.detail).toMatch(/^The (server|reply) [^<]*\.$/);
});

function never(_: string, init: RequestInit): Promise<Response> {
  return new Promise((_resolve, reject) => {
    init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

test("who does not answer in time did not answer", async () => {
  const { api } = apiWith(never);
  const result = await api.me();
  expect(result.ok ? null : result.problem).toMatchObject({
    code: "network",
    detail: "The server did not answer in time.",
  });
});

test("a call that is called off says so", async () => {
  const { api } = apiWith(never);
  const abort = new AbortController();
  const result = api.me(abort.signal);
  abort.abort();
  expect(await result).toMatchObject({ ok: false, problem: { code: "aborted" } });
  expect(await api.me(abort.signal)).toMatchObject({ ok: false, problem: { code: "aborted" } });
});

test("a long poll may take as long as it waits, and more", async () => {
  vi.useFakeTimers();
  try {
    const { api } = apiWith(never);
    let isOver = false;
    const result = api.readStream("t", { attempt: 1, index: 4 }, 20).then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(60);
    await result;
  } finally {
    vi.useRealTimers();
  }
});

test("an event stream is its bytes; anything else is a problem", async () => {
  const type = { "Content-Type": "text/event-stream" };
  const good = apiWith(() => new Response("data: a\n\n", { headers: type }));
  const signal = new AbortController().signal;
  const reply = await good.api.events({ since: 7, cursors: "t:1-42,u:1-7" }, signal);
  expect(reply.ok).toBe(true);
  expect(good.seen[0]?.url).toBe("http://engine/events?since=7&cursors=t:1-42,u:1-7");
  const bad = apiWith(() => new Response("<html>", { headers: { "Content-Type": "text/html" } }));
  expect(await bad.api.events({ since: null, cursors: "" }, signal)).toMatchObject({
    ok: false,
    problem: { code: "unexpected_reply" },
  });
  expect(bad.seen[0]?.url).toBe("http://engine/events");
});

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-03-14T09:26:53Z");
  expect(parseRetryAfter("3", now)).toBe(3000);
  expect(parseRetryAfter("Sat, 14 Mar 2026 09:27:00 GMT", now)).toBe(7000);
  expect(parseRetryAfter("Sat, 14 Mar 2026 09:00:00 GMT", now)).toBe(0);
  expect(parseRetryAfter("soon", now)).toBeNull();
  expect(parseRetryAfter(null, now)).toBeNull();
});
