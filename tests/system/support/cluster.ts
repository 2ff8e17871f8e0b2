// Several API processes and workers over one PostgreSQL and one Redis: each of them, and these two, can be stopped, killed and halted.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, type Shared, startShared, urlOf } from "./engine.ts";
import { type Running, start } from "./process.ts";
import { freePort } from "./servers.ts";
import { freshKey, type Model, wish, type Wish } from "./model.ts";
import { readToEnd, type Transcript } from "./stream.ts";

export interface ClusterOptions {
  model: string;
  apis?: number;
  workers?: number;
  args?: string[];
  /** Arguments of Redis. */
  redis?: string[];
}

/** How one process is started otherwise than the rest. */
export interface Otherwise {
  args?: string[];
  env?: Record<string, string>;
  binary?: string;
}

/** A question that is being answered. */
export interface Asked {
  key: string;
  task: string;
  message: string;
  conversation: string;
}

export class Cluster {
  readonly apis: Engine[] = [];
  readonly workers: Running[] = [];
  readonly shared: Shared;
  /** All there ever were, by names like `worker 1, start 3`. */
  readonly history = new Map<string, Running>();
  private readonly addresses: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "throughline-many-"));
  private readonly options: ClusterOptions;

  private constructor(shared: Shared, options: ClusterOptions) {
    this.shared = shared;
    this.options = options;
  }

  static async begin(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(await startShared(options.redis), options);
    const { apis = 2, workers = 2 } = options;
    await Promise.all([
      ...Array.from({ length: apis }, (_, n) => cluster.startApi(n)),
      ...Array.from({ length: workers }, (_, n) => cluster.startWorker(n)),
    ]);
    return cluster;
  }

  get redis() {
    return this.shared.redis;
  }

  private spawn(name: string, role: string, listen: string, otherwise: Otherwise): Running {
    const all = [...(this.options.args ?? []), ...(otherwise.args ?? [])];
    const running = start(["serve", "--role", role, "--listen", listen, "--data-dir", this.folder, "--event-loops", "2", ...all], {
      cwd: this.folder,
      env: {
        OPENAI_BASE_URL: this.options.model, OPENAI_API_KEY: "sk-test-secret", OPENAI_MODEL: "mock",
        DATABASE_URL: this.shared.database, REDIS_URL: this.shared.redis.url, ...otherwise.env,
      },
      ...(otherwise.binary === undefined ? {} : { binary: otherwise.binary }),
    });
    const before = [...this.history.keys()].filter((one) => one.startsWith(`${name},`)).length;
    this.history.set(`${name}, start ${before + 1}`, running);
    return running;
  }

  /** At the address it had before, if it had one. */
  async startApi(n: number, otherwise: Otherwise = {}): Promise<void> {
    const listen = (this.addresses[n] ??= `127.0.0.1:${await freePort()}`);
    const running = this.spawn(`API process ${n}`, "api", listen, otherwise);
    this.apis[n] = new Engine(await urlOf(running), running, this.folder, {});
  }

  async startWorker(n: number, otherwise: Otherwise = {}): Promise<void> {
    const running = this.spawn(`worker ${n}`, "worker", "127.0.0.1:0", otherwise);
    await urlOf(running);
    this.workers[n] = running;
  }

  /** The worker that writes most answers: who claims how many is left to chance. */
  async busiestWorker(): Promise<number> {
    const { data } = await this.apis[0]!.expect<{ data: { process_id: number; running: number }[] }>(200, "GET", "/admin/workers");
    const running = this.workers.map(({ pid }) => data.find((one) => one.process_id === pid)?.running ?? 0);
    const most = Math.max(...running);
    if (most === 0) throw new Error(`no worker writes anything: ${JSON.stringify(data)}`);
    return running.indexOf(most);
  }

  /** By API process `n`. */
  async ask(what: Wish, n = 0): Promise<Asked> {
    const key = freshKey();
    const posted = await this.apis[n]!.ask(wish({ key, ...what }));
    return { key, task: posted.task_id, message: posted.message_id, conversation: posted.conversation_id };
  }

  /** At API process `n`, and when that breaks at the next one. */
  read(asked: Asked, n = 0, patience = 40_000): Promise<Transcript> {
    let turn = n;
    const where = () => this.apis[turn++ % this.apis.length]!.url;
    return readToEnd(where, asked.task, { patience });
  }

  /** What the reader, the database and the model have of it are the same; returns the number of requests to the model. */
  async compare(asked: Asked, seen: Transcript, model: Model): Promise<string[]> {
    const wrong: string[] = [];
    const api = this.apis.find((one) => one.running.child.exitCode === null && one.running.child.signalCode === null)!;
    const message = await api.message(asked.conversation, asked.message);
    const requests = await model.requests(asked.key);
    if (message.content !== seen.content) wrong.push(`the database has ${message.content.length} characters, the reader ${seen.content.length}`);
    if (message.status === "completed" && !requests.some((one) => one.sent_text === seen.content)) wrong.push("the model sent another text");
    const ending = seen.terminal?.status ?? seen.terminal?.chunk_type;
    if (message.status !== ending && !(message.status === "error" && ending === "error")) wrong.push(`${message.status} in the database, ${ending} for the reader`);
    return wrong;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.history.values()].map((running) => {
      running.child.kill("SIGCONT");
      return running.end("SIGKILL");
    }));
    await this.redis.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
