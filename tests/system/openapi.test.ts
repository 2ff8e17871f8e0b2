// openapi.json and /docs, from outside: the document is valid, its examples are what it says, every call of it is made on the
// real binary, and what it forbids is refused. (The replies of all other tests are held against it too: support/contract.ts.)
import { createHash } from "node:crypto";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  at, check, covered, description, documentText, type Json, type Operation, operations, parametersOf,
} from "./support/contract.ts";
import { type Engine, type Reply, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { readToEnd, SseReader } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base, args: ["--sync-wait", "200ms"] });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

const nobody = "0199d3f0-0000-7000-8000-000000000000";

/** Every value of the document with the names that lead to it. */
function* walk(node: Json, names: string[] = []): Generator<{ node: Json; names: string[] }> {
  yield { node, names };
  if (typeof node !== "object" || node === null) return;
  for (const [name, value] of Object.entries(node)) yield* walk(value, [...names, name]);
}

describe("the document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const checked = await new Validator().validate(description);
    expect(checked.errors ?? []).toEqual([]);
    expect(checked.valid).toBe(true);
    expect(description.openapi).toMatch(/^3\.1\./);
  });

  test("has schemas that are valid, and examples that are what they say", () => {
    let examples = 0;
    for (const { node, names } of [...walk(description.components), ...walk(description.paths)]) {
      const schema = names.at(-1) === "schema" || names.at(-2) === "schemas";
      if (schema && node.examples) {
        for (const example of node.examples) check(`an example of ${names.join(" ")}`, `/components/${names.join("/")}`, example);
        examples += node.examples.length;
      }
    }
    for (const operation of operations) {
      const places = [["requestBody"], ...Object.keys(operation.node.responses).map((status) => ["responses", status])];
      for (const place of places.map((one) => ["paths", operation.path, operation.verb, ...one])) {
        for (const [type, media] of Object.entries<Json>(at(...place).node?.content ?? {})) {
          const schema = at(...place, "content", type, "schema");
          if (media.example === undefined) continue;
          check(`the example of ${place.join(" ")}`, schema.pointer, media.example);
          if (type === "text/event-stream") expect(new SseReader().feed(media.example).length).toBeGreaterThan(0);
          examples++;
        }
      }
      for (const { node, schema } of parametersOf(operation)) {
        if (node.example !== undefined) check(`the example of ${node.name}`, schema, node.example);
      }
    }
    expect(examples).toBeGreaterThan(40);
  });

  test("refers to what there is, and has nothing that is not referred to", () => {
    const used = new Set<string>();
    for (const { node } of walk(description)) {
      if (typeof node?.$ref !== "string") continue;
      used.add(node.$ref);
      expect(at(...node.$ref.slice(2).split("/")).node, node.$ref).toBeDefined();
    }
    // What a request can be answered with that no call takes, and when nobody listens.
    const unasked = [
      "MethodNotAllowed", "Cancelled", "RequestTimeout", "TargetTooLong", "ExpectationFailed", "HeadTooLarge", "NotImplemented",
      "VersionNotSupported",
    ];
    for (const name of unasked) used.add(`#/components/responses/${name}`);
    for (const [kind, all] of Object.entries<Json>(description.components)) {
      // Named by `security`.
      if (kind === "securitySchemes") continue;
      for (const name of Object.keys(all)) expect(used, `${kind} ${name} is used`).toContain(`#/components/${kind}/${name}`);
    }
    const ids = operations.map((operation) => operation.node.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = new Set(description.tags.map((tag: Json) => tag.name));
    for (const operation of operations) expect(tags).toContain(operation.node.tags[0]);
  });

  test("is what the binary serves, and a cache can ask whether it still is", async () => {
    for (const path of ["/openapi.json", "/api/v1/openapi.json"]) {
      const whole = await fetch(engine.url + path);
      expect(whole.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(await whole.text()).toBe(documentText);
      const same = await fetch(engine.url + path, { headers: { "If-None-Match": whole.headers.get("etag")! } });
      expect(same.status).toBe(304);
      const head = await fetch(engine.url + path, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(String(Buffer.byteLength(documentText)));
    }
  });
});

/** Ids that are there, for the parameters in paths. */
interface Ids {
  worker: string;
  queue: string;
  conversation: string;
  question: string;
  answer: string;
  task: string;
}

async function somethingThere(): Promise<Ids> {
  const posted = await engine.ask(wish({ tokens: 2 }));
  await readToEnd(engine.url, posted.task_id);
  const { data: [worker] } = await engine.expect(200, "GET", "/admin/workers");
  return {
    worker: worker.id, queue: "email", conversation: posted.conversation_id, question: posted.user_message_id, answer: posted.message_id, task: posted.task_id,
  };
}

function fill(path: string, ids: Ids): string {
  const id = path.startsWith("/conversations/") ? ids.conversation
    : path.endsWith("/edit") ? ids.question
    : path.startsWith("/messages/") ? ids.answer
    : path.startsWith("/admin/workers/") ? ids.worker : ids.task;
  return path.replace("{id}", id).replace("{name}", ids.queue).replace("{session}", ids.conversation).replace("{message}", ids.answer);
}

function bodySchema(operation: Operation): Json | undefined {
  return at("paths", operation.path, operation.verb, "requestBody", "content", "application/json", "schema").node;
}

/** A body that the call takes. */
function goodBody(operation: Operation): Json | undefined {
  return bodySchema(operation)?.examples[0];
}

async function send(operation: Operation, ids: Ids, body: unknown = goodBody(operation), query = "", headers = {}): Promise<Reply<any>> {
  return engine.call(operation.verb.toUpperCase(), fill(operation.path, ids) + query, body, headers);
}

/** Values of other types, and beyond its limits. */
function badValues(schema: Json): unknown[] {
  const types = [schema.type].flat();
  const bad: unknown[] = [];
  if (!types.includes("string")) bad.push("x");
  if (!types.includes("integer")) bad.push(1);
  if (!types.includes("boolean")) bad.push(true);
  if (!types.includes("null")) bad.push(null);
  bad.push([], {}, 1.5);
  if (schema.maxLength) bad.push("x".repeat(schema.maxLength + 1));
  if (schema.minLength) bad.push("");
  if (schema.pattern?.startsWith("[^ ")) bad.push(" \n\t");
  if (schema.minimum !== undefined) bad.push(schema.minimum - 1);
  if (schema.maximum !== undefined) bad.push(schema.maximum + 1);
  return bad;
}

describe("what the document forbids", () => {
  let ids: Ids;
  beforeAll(async () => {
    ids = await somethingThere();
  });
  const refused = (reply: Reply<any>, statuses: number[], named: string) => {
    expect(statuses).toContain(reply.status);
    expect(reply.body.detail).toContain(named);
  };

  test.each(operations.filter(bodySchema))("a body of $verb $path with a member that is wrong is refused, and the member is named", async (operation) => {
    const schema = bodySchema(operation)!;
    const good = goodBody(operation)!;
    refused(await send(operation, ids, { ...good, contents: "x" }), [400], "contents");
    for (const [name, member] of Object.entries<Json>(schema.properties ?? {})) {
      for (const value of badValues(member)) refused(await send(operation, ids, { ...good, [name]: value }), [400, 413], name);
    }
    for (const name of schema.required ?? []) {
      const { [name]: _, ...rest } = good;
      refused(await send(operation, ids, rest), [400], name);
    }
    for (const text of ["[]", "{", '{"content":"a","content":"b"}', '"x"']) expect((await send(operation, ids, text)).status).toBe(400);
  });

  test.each(operations.filter((one) => one.verb !== "get"))("$verb $path takes a body only if it is declared as JSON", async (operation) => {
    refused(await send(operation, ids, "{}", "", { "Content-Type": "text/plain" }), [415], "text/plain");
  });

  test.each(operations)("a parameter of $verb $path that is wrong is refused, and named", async (operation) => {
    refused(await send(operation, ids, undefined, "?limits=1"), [400], "limits");
    for (const { node } of parametersOf(operation)) {
      if (node.in === "header" && node.name === "Idempotency-Key") {
        for (const key of ["x".repeat(256), "a b"]) refused(await send(operation, ids, goodBody(operation), "", { [node.name]: key }), [400], node.name);
      }
      if (node.in !== "query") continue;
      const { type, minimum, maximum, enum: values } = node.schema.$ref ? at(...node.schema.$ref.slice(2).split("/")).node : node.schema;
      const bad = type === "integer" ? [minimum - 1, BigInt(maximum) + 1000n, "x", "1.5", ""] : values ? ["maybe"] : [];
      // A long poll is what takes `wait`; a stream checks it all the same.
      for (const value of bad) refused(await send(operation, ids, goodBody(operation), `?${node.name}=${value}`), [400], node.name);
    }
  });

  test.each(operations.filter((one) => one.path.includes("{")))("$verb $path knows nobody's ids", async (operation) => {
    for (const id of [nobody, "what", "%00"]) {
      const reply = await send(operation, { worker: id, queue: id, conversation: id, question: id, answer: id, task: id });
      expect(reply).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
  });

  test.each(operations.filter((one) => one.verb !== "get"))("$verb $path is closed to pages of other sites", async (operation) => {
    expect((await send(operation, ids, goodBody(operation), "", { Origin: "https://evil.example" })).status).toBe(403);
  });

  test("a path or a method that is not there", async () => {
    expect((await engine.call("GET", "/nothing")).status).toBe(404);
    expect((await engine.call("PUT", "/conversations", {})).status).toBe(405);
    expect((await engine.call("DELETE", `/tasks/${ids.task}`)).status).toBe(405);
  });
});

describe("what the document promises", () => {
  const kinds = new Set<string>();

  test("for conversations and messages", async () => {
    const made = await engine.conversation({ title: "Boats", system_prompt: "Be brief." });
    const there = `/conversations/${made.id}`;
    await engine.expect(200, "PATCH", there, { title: "Ships", pinned: true, model: null, system_prompt: null });
    await engine.expect(200, "GET", there);
    const posted = await engine.post(made.id, wish({ tokens: 3, reasoning: 2 }), { parent_id: null, model: null, queue: null, priority: null });
    await readToEnd(engine.url, posted.task_id, { onChunk: (chunk) => kinds.add(chunk.chunk_type) });
    const key = { "Idempotency-Key": freshKey() };
    const edited = await engine.expect(202, "POST", `/messages/${posted.user_message_id}/edit`, { content: wish({ tokens: 1 }) }, key);
    await readToEnd(engine.url, edited.task_id);
    await engine.expect(422, "POST", `/messages/${posted.user_message_id}/edit`, { content: "other" }, key);
    await engine.expect(422, "POST", `/messages/${posted.user_message_id}/regenerate`, {});
    const regenerated = await engine.expect(202, "POST", `/messages/${posted.message_id}/regenerate`);
    await readToEnd(engine.url, regenerated.task_id);
    await engine.expect(200, "GET", `${there}/messages?limit=1&order=desc`);
    await engine.expect(200, "GET", "/conversations?q=ships&limit=200");
    await engine.expect(422, "POST", `${there}/messages`, { content: "x", queue: "nowhere" });
    await engine.expect(422, "POST", "/conversations", { model: "nobody" });
    await engine.expect(422, "PATCH", there, { model: "nobody" });
    await engine.expect(413, "POST", `${there}/messages`, { content: "é".repeat(131_073) });
    await engine.expect(200, "GET", "/models");
    await engine.expect(204, "DELETE", there);
    await engine.expect(200, "POST", `${there}/restore`, {});
  });

  test("for tasks and streams", async () => {
    const posted = await engine.ask(wish({ tokens: 5000, pace_ms: 20 }));
    const first = await engine.expect(200, "GET", `/stream/${posted.task_id}?wait=20`, undefined, { Accept: "application/json" });
    for (const chunk of first.chunks) kinds.add(chunk.chunk_type);
    await engine.expect(200, "GET", "/active-streams");
    await engine.expect(200, "GET", "/chat/active-streams");
    await engine.expect(409, "POST", `/tasks/${posted.task_id}/retry`);
    await engine.expect(200, "POST", `/tasks/${posted.task_id}/cancel`, {});
    const task = await engine.expect(200, "GET", `/tasks/${posted.task_id}`);
    await engine.expect(204, "GET", `/stream/${posted.task_id}?after=${task.position}`);
    const unknown = await engine.expect(200, "GET", `/stream/${posted.task_id}?after=what`, undefined, { Accept: "application/json" });
    for (const chunk of unknown.chunks) kinds.add(chunk.chunk_type);
    const key = { "Idempotency-Key": freshKey() };
    const retried = await engine.expect(202, "POST", `/tasks/${posted.task_id}/retry`, undefined, key);
    await engine.expect(422, "POST", `/tasks/${retried.task_id}/retry`, undefined, key);
    await engine.expect(200, "POST", `/tasks/${retried.task_id}/cancel`);
    const failed = await engine.ask(wish({ status: 401 }));
    await readToEnd(engine.url, failed.task_id, { onChunk: (chunk) => kinds.add(chunk.chunk_type) });
    expect([...kinds].sort()).toEqual(["content", "done", "error", "reasoning", "reset"]);
  });

  test("for everything at once", async () => {
    const posted = await engine.ask(wish({ tokens: 3 }));
    await engine.expect(200, "GET", "/changes?since=0&limit=200");
    const deleted = await engine.conversation();
    const { rev } = deleted;
    await engine.expect(204, "DELETE", `/conversations/${deleted.id}`);
    const page = await engine.expect(200, "GET", `/changes?since=${rev}`);
    expect(page.conversations).toContainEqual({ id: deleted.id, deleted: true });
    const abort = new AbortController();
    const reply = await fetch(`${engine.url}/events?since=0&cursors=${posted.task_id}:`, { signal: abort.signal });
    expect(reply.status).toBe(200);
    covered.add("get /events 200");
    const reader = new SseReader();
    const decoder = new TextDecoder();
    const names = new Set<string>();
    for await (const piece of reply.body!) {
      for (const event of reader.feed(decoder.decode(piece, { stream: true }))) names.add(event.event);
      if (names.has("change") && names.has("chunk")) break;
    }
    abort.abort();
  });

  test("for sessions", async () => {
    const posted = await engine.expect(202, "POST", "/chat/messages?use_celery=true", { content: wish({ tokens: 2 }) });
    const path = `/chat/stream/${posted.session_id}`;
    await readToEnd(engine.url, posted.task_id, { path: `${path}?message_id=${posted.message_id}` });
    await engine.expect(204, "GET", path);
    await engine.expect(200, "GET", `/chat/status/${posted.session_id}/${posted.message_id}`);
    await engine.expect(200, "POST", "/chat/messages?background=off", { session_id: posted.session_id, content: wish({ tokens: 1 }) });
    const late = await engine.expect(202, "POST", "/chat/messages?use_celery=no", { content: wish({ tokens: 5000, pace_ms: 20 }) });
    await engine.expect(200, "POST", `/tasks/${late.task_id}/cancel`);
    await engine.expect(422, "POST", "/chat/messages", { content: "x", model: "nobody" });
    for (const session of [nobody, "what"]) await engine.expect(404, "POST", "/chat/messages", { session_id: session, content: "x" });
  });

  test("for those who run it", async () => {
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/me"]) await engine.expect(200, "GET", path);
    for (const path of ["/openapi.json", "/docs"]) {
      const { headers } = await fetch(engine.url + path);
      await engine.expect(304, "GET", path, undefined, { "If-None-Match": headers.get("etag")! });
    }
  });

  test("for those who look after workers and queues", async () => {
    const running = await engine.ask(wish({ tokens: 5000, pace_ms: 20 }));
    await until("it runs", async () => (await engine.task(running.task_id)).state === "running");
    for (const list of ["workers?limit=1", "active?limit=200", "scheduled", "failed?limit=1", "queues", "stats"]) {
      await engine.expect(200, "GET", `/admin/${list}`);
    }
    const there = `/admin/tasks/${running.task_id}`;
    expect((await engine.expect(200, "GET", there)).attempts).toHaveLength(1);
    await engine.expect(409, "POST", `${there}/retry`);
    await engine.expect(200, "POST", `${there}/cancel`, {});
    const key = { "Idempotency-Key": freshKey() };
    const retried = await engine.expect(202, "POST", `${there}/retry`, undefined, key);
    await engine.expect(422, "POST", `/admin/tasks/${retried.task_id}/retry`, undefined, key);
    await engine.expect(200, "POST", `/admin/tasks/${retried.task_id}/cancel`);
    for (const what of ["pause", "resume"]) await engine.expect(200, "POST", `/admin/queues/marketing/${what}`);
    // A worker of its own, for it does nothing afterwards.
    const other = await startEngine();
    const worker = await until("it has told of itself", async () => (await other.expect(200, "GET", "/admin/workers")).data[0]);
    await other.expect(200, "POST", `/admin/workers/${worker.id}/drain`);
    await other.dispose();
  });

  test("was seen, except what cannot be had here", () => {
    const elsewhere = new Set([
      // Pages, which call() does not read.
      "get /docs 200", "get /metrics 200",
      // On a server with an access token: access.test.ts.
      "get /sign-in 200", "get /sign-in 303", "post /sign-in 303", "post /sign-out 303",
      // Takes two seconds of an answer that does not stop.
      "post /tasks/{id}/cancel 202", "post /admin/tasks/{id}/cancel 202",
    ]);
    const missing = operations.flatMap(({ verb, path, node }) => Object.keys(node.responses)
      .filter((status) => status < "400" || ["400", "404", "409", "415", "422"].includes(status))
      .map((status) => `${verb} ${path} ${status}`))
      .filter((one) => !covered.has(one) && !elsewhere.has(one));
    expect(missing).toEqual([]);
  });
});

describe("/docs", () => {
  let page: string;
  let policy: Map<string, string[]>;
  beforeAll(async () => {
    const reply = await fetch(`${engine.url}/docs`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe("text/html; charset=utf-8");
    page = await reply.text();
    policy = new Map(reply.headers.get("content-security-policy")!.split("; ").map((part) => {
      const [name, ...sources] = part.split(" ");
      return [name!, sources];
    }));
  });

  test("lets its own script and style run, and nothing else", () => {
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("connect-src")).toEqual(["'self'"]);
    for (const element of ["script", "style"]) {
      const all = [...page.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, "gs"))];
      expect(all.length).toBe(1);
      const hash = createHash("sha256").update(all[0]![1]!).digest("base64");
      expect(policy.get(`${element}-src`)).toEqual([`'sha256-${hash}'`]);
    }
    expect(page.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\sstyle="|\son\w+="/g)).toBe(null);
  });

  test("needs nothing from the network, and is small", () => {
    expect(page.match(/\bhttps?:\/\/[^'"\s)]+/g)).toEqual(["http://www.w3.org/2000/svg"]);
    expect(page.match(/\bsrc=|@import|\burl\(/g)).toBe(null);
    expect(Buffer.byteLength(page)).toBeLessThan(40_000);
  });

  test("answers HEAD like GET, without the page", async () => {
    const reply = await fetch(`${engine.url}/docs`, { method: "HEAD" });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-length")).toBe(String(Buffer.byteLength(page)));
    expect(await reply.text()).toBe("");
  });
});
