// An engine of a test: the real binary with a data directory of its own, and the calls of its API that tests use. With
// TEST_SETUP=many it is an API process and a worker over PostgreSQL and Redis, or TEST_EACH of each, else one process that does
// everything.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReply } from "./contract.ts";
import { type Running, start, together, until } from "./process.ts";
import { Redis, sharedPostgres } from "./servers.ts";
import { authorization, rememberToken, tokenIn } from "./token.ts";

export const isMany = process.env["TEST_SETUP"] === "many";
const each = Number(process.env["TEST_EACH"] ?? 1);

export interface Submission {
  task_id: string;
  message_id: string;
  user_message_id: string;
  status: string;
  stream_url: string;
}

export interface Task {
  task_id: string;
  message_id: string;
  conversation_id: string;
  state: string;
  status: string;
  attempt: number;
  failures: number;
  queue: string;
  position: string;
  chunk_count: number;
  queue_place?: number | null;
  last_error?: { code: string; message: string; retryable: boolean } | null;
}

export interface Message {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  seq: number;
  role: string;
  content: string;
  reasoning: string | null;
  status: string;
  task_id: string | null;
  finish_reason: string | null;
  usage: { input_tokens: number; output_tokens: number; total_tokens: number; estimated: boolean } | null;
  error: { code: string; message: string; retryable: boolean } | null;
  attempt: number | null;
  ttft_ms: number | null;
  latency_ms: number | null;
}

export interface Conversation {
  id: string;
  title: string;
  model: string | null;
  system_prompt: string | null;
  pinned: boolean;
  message_count: number;
  active_task_ids: string[];
  rev: number;
  snippet?: string;
}

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
}

export class Engine {
  readonly url: string;
  readonly running: Running;
  readonly dataDir: string;
  private readonly options: EngineOptions;
  /** Of all API processes; `url` is the first. */
  readonly urls: readonly string[];
  private turn = 0;

  constructor(url: string, running: Running, dataDir: string, options: EngineOptions, others: string[] = []) {
    this.url = url;
    this.urls = [url, ...others];
    this.running = running;
    this.dataDir = dataDir;
    this.options = options;
  }

  get pid(): number {
    return this.running.pid;
  }

  /** Each time another API process, where there are many. */
  readonly somewhere = (): string => this.urls[this.turn++ % this.urls.length]!;

  /**
   * A call, somewhere; JSON in, JSON out (or undefined for an empty body). Never rejects because of a status, but because of a reply that is
   * not as openapi.json says.
   */
  async call<T = any>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> {
    const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const url = this.somewhere();
    const reply = await fetch(url + path, {
      method,
      headers: { ...authorization(url), ...(sent === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await reply.text();
    checkReply(method, path, { status: reply.status, headers: reply.headers, text }, sent);
    return { status: reply.status, headers: reply.headers, body: (text === "" ? undefined : JSON.parse(text)) as T };
  }

  async expect<T = any>(status: number, method: string, path: string, body?: unknown, headers = {}): Promise<T> {
    const reply = await this.call<T>(method, path, body, headers);
    if (reply.status !== status) {
      throw new Error(`${method} ${path}: ${reply.status} instead of ${status}: ${JSON.stringify(reply.body)}`);
    }
    return reply.body;
  }

  conversation(fields: object = {}): Promise<Conversation> {
    return this.expect(201, "POST", "/conversations", fields);
  }

  post(conversation: string, content: string, more: object = {}, headers = {}): Promise<Submission> {
    return this.expect(202, "POST", `/conversations/${conversation}/messages`, { content, ...more }, headers);
  }

  /** A message in a conversation of its own. */
  async ask(content: string, more: object = {}): Promise<Submission & { conversation_id: string }> {
    const conversation = await this.conversation();
    return { ...(await this.post(conversation.id, content, more)), conversation_id: conversation.id };
  }

  task(id: string): Promise<Task> {
    return this.expect(200, "GET", `/tasks/${id}`);
  }

  async message(conversation: string, id: string): Promise<Message> {
    const page = await this.expect<{ data: Message[] }>(200, "GET", `/conversations/${conversation}/messages?limit=200`);
    const found = page.data.find((message) => message.id === id);
    if (!found) throw new Error(`no message ${id} in conversation ${conversation}`);
    return found;
  }

  /** Ends the process; by SIGKILL if asked. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    return this.running.end(signal);
  }

  /** A new process on the same data and the same port. */
  async restart(signal: NodeJS.Signals = "SIGKILL"): Promise<Engine> {
    await this.stop(signal);
    return startEngine({ ...this.options, dataDir: this.dataDir, listen: new URL(this.url).host });
  }

  /** Of many: what they share. */
  get shared(): Shared | undefined {
    return this.options.shared;
  }

  async dispose(): Promise<void> {
    await this.stop("SIGKILL");
    await this.options.shared?.redis.dispose();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** What the processes of one engine share. */
export interface Shared {
  database: string;
  redis: Redis;
}

/** Fresh ones. */
export async function startShared(redis: string[] = []): Promise<Shared> {
  const postgres = await sharedPostgres();
  return { database: postgres.newDatabase(), redis: await Redis.begin(redis) };
}

export interface EngineOptions {
  /** Of many processes: else they get their own. */
  shared?: Shared;
  dataDir?: string;
  listen?: string;
  /** Base URL of an OpenAI-compatible model; without it the engine has its demo model only. */
  model?: string;
  args?: string[];
  env?: Record<string, string>;
  binary?: string;
  under?: string[];
}

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "throughline-"));
  const env: Record<string, string> = { ...options.env };
  if (options.model) {
    env["OPENAI_BASE_URL"] = options.model;
    env["OPENAI_API_KEY"] = "sk-test-secret";
    env["OPENAI_MODEL"] = "mock";
  }
  const { binary, under } = options;
  const begin = (listen: string, role: string[]) => start(
    ["serve", "--listen", listen, "--data-dir", dataDir,
      // Two, whatever the machine has: what crosses loops is tested everywhere.
      "--event-loops", "2", ...role, ...(options.args ?? [])],
    { env, cwd: dataDir, ...(binary ? { binary } : {}), ...(under ? { under } : {}) });
  const listen = options.listen ?? "127.0.0.1:0";
  if (!isMany) {
    const running = begin(listen, []);
    const url = await urlOf(running);
    rememberToken(url, tokenIn(env));
    return new Engine(url, running, dataDir, options);
  }
  const shared = options.shared ?? (await startShared());
  Object.assign(env, { DATABASE_URL: shared.database, REDIS_URL: shared.redis.url });
  const several = (role: string, first = "127.0.0.1:0") =>
    Array.from({ length: each }, (_, n) => begin(n === 0 ? first : "127.0.0.1:0", ["--role", role]));
  const apis = several("api", listen);
  const workers = several("worker");
  await Promise.all(workers.map(urlOf));
  const [url, ...others] = (await Promise.all(apis.map(urlOf))) as [string, ...string[]];
  for (const one of [url, ...others]) rememberToken(one, tokenIn(env));
  await until("the API process sees its worker", async () => {
    const { parts } = (await (await fetch(`${url}/readyz`, { headers: authorization(url) })).json()) as { parts?: Record<string, string> };
    return parts?.["workers"] !== "failing";
  });
  return new Engine(url, together([...apis, ...workers]), dataDir, { ...options, shared }, others);
}

/** Once it is ready. */
export async function urlOf(running: Running): Promise<string> {
  return (await running.waitFor(/ready at (https?:\/\/\S+)/))[1]!;
}
