// Two API processes and two workers over real Redis and PostgreSQL, their model and the recorder of their clients, for a row to
// play on. A client knows both API processes and goes to the other one when a call or a stream has ended at one.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Cluster, type ClusterOptions } from "../../system/support/cluster.ts";
import { type Model, startModel, type Wish } from "../../system/support/model.ts";
import { slowness, until } from "../../system/support/process.ts";
import { type Postgres, sharedPostgres } from "../../system/support/servers.ts";
import { type Database, postgres } from "./database.ts";
import { type Impatience, type Posted, Recorder, type Where } from "./recorder.ts";
import { type Chance, seed, type Tally } from "./rows.ts";
import { Scene } from "./stage.ts";

export interface EnsembleOptions extends Partial<ClusterOptions> {
  impatience?: Impatience;
}

export class Ensemble extends Scene {
  readonly cluster: Cluster;
  readonly model: Model;
  readonly postgres: Postgres;
  readonly database: Database;
  private fronts: string[] | undefined;
  private readonly notes = new Map<string, string>();

  private constructor(cluster: Cluster, model: Model, server: Postgres, impatience: Impatience) {
    const urls = (): string[] => this.fronts ?? this.cluster.apis.map((api) => api.url);
    super(new Recorder(inTurn(urls, 0), model, impatience));
    this.cluster = cluster;
    this.model = model;
    this.postgres = server;
    this.database = postgres(cluster.shared.database);
  }

  static async open(options: EnsembleOptions = {}): Promise<Ensemble> {
    const model = await startModel();
    try {
      return new Ensemble(await Cluster.begin({ model: model.base, ...options }), model, await sharedPostgres(), options.impatience ?? {});
    } catch (error) {
      await model.stop();
      throw error;
    }
  }

  get redis() {
    return this.cluster.redis;
  }

  /** A client that begins at API process `n`. */
  from(n: number): Where {
    return inTurn(() => this.cluster.apis.map((api) => api.url), n);
  }

  /** From now on clients find the API processes at these addresses. */
  visit(fronts: string[]): void {
    this.fronts = fronts;
  }

  /** For what helps to understand a violation. */
  note(name: string, text: string): void {
    this.notes.set(name, text);
  }

  /** All at once. */
  postMany(count: number, what: (n: number) => Wish, client = "asker"): Promise<Posted[]> {
    return Promise.all(Array.from({ length: count }, (_, n) => this.recorder.post(`${client} ${n}`, what(n), 60_000 * slowness)));
  }

  /** Until clients have seen at least so many chunks of each of them. */
  async underWay(posted: Posted[], chunks = 3): Promise<void> {
    await until(`${chunks} chunks of each answer`, () => {
      const counts = Map.groupBy(this.recorder.records.seen, (event) => event.task);
      return posted.every((one) => (counts.get(one.task)?.length ?? 0) >= chunks);
    }, 30_000);
  }

  /**
   * What nobody was to notice: each of these is whole, the model was asked for it once, and no reader lost text to another attempt.
   * (A text may be read anew from the database; and a claim whose commit was in doubt is made again before anybody has text.)
   */
  async judgeUnnoticed(posted: Posted[], tally: Tally, when: string): Promise<void> {
    const tasks = new Set(posted.map((one) => one.task));
    const haveText = new Set<string>();
    for (const event of this.recorder.records.seen) {
      if (!tasks.has(event.task)) continue;
      const reader = `${event.client} ${event.task}`;
      if (event.type === "content" || event.type === "reasoning") haveText.add(reader);
      if (event.type !== "reset" || event.index === -1 || !haveText.has(reader)) continue;
      tally.violations.push(`${when}: ${event.client} saw a reset ${event.id} (${event.reason}) (task ${event.task})`);
    }
    await this.judgeWhole(posted, tally, when, 1);
  }

  /** Each of these is complete, and took at most so many requests to the model. */
  async judgeWhole(posted: Posted[], tally: Tally, when: string, requestsMax = Infinity): Promise<void> {
    const stored = new Map((await this.database.snapshot()).messages.map((one) => [one.task, one]));
    const sent = Map.groupBy(await this.model.requests(undefined, 20_000), (one) => one.key);
    for (const one of posted) {
      const requests = sent.get(one.modelKey) ?? [];
      const message = stored.get(one.task);
      if (message?.status !== "completed") tally.violations.push(`${when}: the answer is ${message?.status} (task ${one.task})`);
      else if (!requests.some((request) => request.finished && request.sent_text === message.content)) {
        tally.violations.push(`${when}: the answer is nothing that the model sent whole (task ${one.task})`);
      }
      if (requests.length > requestsMax) tally.violations.push(`${when}: ${requests.length} requests to the model (task ${one.task})`);
    }
  }

  /** Writes down what helps to understand a violation; where. */
  keep(name: string, violations: string[]): string {
    const folder = resolve(`../../build/fault/${name.replaceAll(/\W+/g, "-")}-${seed}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "violations.txt"), violations.join("\n"));
    for (const [name, text] of this.notes) writeFileSync(join(folder, `${name}.txt`), text);
    for (const [name, running] of this.cluster.history) writeFileSync(join(folder, `${name}.log`), `process ${running.pid}\n${running.output()}`);
    const { records } = this.recorder;
    const tasks = new Set(violations.flatMap((one) => [...one.matchAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g)].map((match) => match[0])));
    for (const task of [...tasks].slice(0, 20)) {
      const isOf = (one: { task?: string }) => one.task === task;
      const key = records.replies.find(isOf)?.modelKey;
      const last = records.snapshots.at(-1);
      writeFileSync(join(folder, `${task}.json`), JSON.stringify({
        replies: records.replies.filter(isOf), sent: records.sent.filter((one) => one.key === key),
        task: last?.tasks.find((one) => one.id === task), message: last?.messages.find(isOf as (one: { task: string | null }) => boolean),
        connections: records.connections.filter(isOf), seen: records.seen.filter(isOf),
      }, undefined, 1));
    }
    return folder;
  }

  async dispose(): Promise<void> {
    await this.cluster.dispose();
    await this.model.stop();
  }
}

function inTurn(urls: () => string[], first: number): Where {
  let turn = first;
  return () => {
    const all = urls();
    return all[turn++ % all.length]!;
  };
}

/** What is left of a run that found something is said in the table. */
export async function withEnsemble(
  name: string, tally: Tally, options: EnsembleOptions, play: (play: Ensemble) => Promise<void>,
): Promise<void> {
  const ensemble = await Ensemble.open(options);
  const before = tally.violations.length;
  try {
    await play(ensemble);
    if (tally.violations.length > before) tally.remarks.push(`see ${ensemble.keep(name, tally.violations.slice(before))}`);
  } catch (error) {
    tally.remarks.push(`see ${ensemble.keep(name, [...tally.violations.slice(before), String(error)])}`);
    throw error;
  } finally {
    await ensemble.dispose();
  }
}

/** Answers of a few seconds: long enough for something to happen meanwhile. */
export function longerWish(chance: Chance, seconds = 3): Wish {
  const pace_ms = chance.between(8, 30);
  return { pace_ms, tokens: Math.ceil((seconds * 1000 * (0.5 + chance.next() / 2)) / pace_ms), first_ms: chance.between(0, 30), reasoning: chance.of([0, 0, 5]) };
}
