// An engine, its model and the recorder of its clients, for a row to play on. The engine keeps its address over restarts.
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Engine, type EngineOptions, startEngine } from "../../system/support/engine.ts";
import { type Model, startModel, type Wish } from "../../system/support/model.ts";
import { binary, type Running, slowness } from "../../system/support/process.ts";
import { freePort } from "../../system/support/servers.ts";
import type { Violation } from "./checker.ts";
import { type Database, databaseOf } from "./database.ts";
import { type FollowOptions, type Posted, Recorder } from "./recorder.ts";
import type { Snapshot } from "./records.ts";
import { Chance } from "./rows.ts";

/** Sanitizers keep address space in reserve: limits on it mean nothing then. */
export const isSanitized = /\/(asan|tsan)\//.test(binary);

/** The build that has fault points. */
export const faultBinary = resolve(process.env["FAULT_BINARY"] ?? "../../build/debug/throughline");

/** What rows have in common, however many processes there are: clients that write down what they see. */
export abstract class Scene {
  readonly recorder: Recorder;

  protected constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  protected abstract get database(): Database;

  /** Posts, and follows the answer to its end with `readers` clients. */
  async answer(client: string, what: Wish, how: FollowOptions & { readers?: number } = {}): Promise<Posted> {
    const posted = await this.recorder.post(client, what, 60_000 * slowness);
    await this.followAll(client, posted, how);
    return posted;
  }

  async followAll(client: string, posted: Posted, how: FollowOptions & { readers?: number } = {}): Promise<void> {
    const names = Array.from({ length: how.readers ?? 1 }, (_, n) => `${client}/${n}`);
    await Promise.all(names.map((name) => this.recorder.follow(name, posted.task, { patience: 60_000 * slowness, ...how })));
  }

  /** Adds what the database holds now to what is known of the run. */
  snapshot(deep = true): Promise<Snapshot> {
    return this.recorder.snapshot(this.database, deep);
  }

  verdict(): Promise<Violation[]> {
    return this.recorder.verdict(this.database, { heal: 10_000 * slowness, close: 1_000 * slowness });
  }
}

export class Stage extends Scene {
  engine: Engine;
  readonly model: Model;
  private readonly options: EngineOptions;
  /** From starting a process to its being ready, in ms. */
  readonly starts: number[] = [];

  protected get database(): Database {
    return databaseOf(this.engine);
  }

  private constructor(engine: Engine, model: Model, options: EngineOptions) {
    super(new Recorder(() => this.engine.url, model));
    this.engine = engine;
    this.model = model;
    this.options = options;
  }

  static async open(options: EngineOptions = {}): Promise<Stage> {
    const model = await startModel();
    try {
      const all = { listen: `127.0.0.1:${await freePort()}`, model: model.base, ...options };
      return new Stage(await startEngine(all), model, all);
    } catch (error) {
      await model.stop();
      throw error;
    }
  }

  /** A new process on the same data and address; the old one is ended by `signal` unless it is dead already. */
  async restart(changes: EngineOptions = {}, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.engine.stop(signal);
    await this.start(changes);
  }

  async start(changes: EngineOptions = {}): Promise<void> {
    const began = performance.now();
    this.engine = await startEngine({ ...this.options, ...changes, dataDir: this.engine.dataDir });
    this.starts.push(performance.now() - began);
  }

  /** Waits for the end of the process that is expected now; how it ended. Rejects with its output if it does not. */
  death(): Promise<number | string> {
    return deathOf(this.engine.running);
  }

  async dispose(): Promise<void> {
    await this.engine.dispose();
    await this.model.stop();
  }
}

/** Waits for an end that is expected now; how it ended. Rejects with what the process printed if it does not. */
export async function deathOf(running: Running, patience = 20_000 * slowness): Promise<number | string> {
  const late = new AbortController();
  const ended = await Promise.race([
    running.ended,
    sleep(patience, undefined, { signal: late.signal }).catch(() => undefined),
  ]);
  late.abort();
  if (ended === undefined) throw new Error(`it lives on after ${patience} ms:\n${running.output().slice(-3000)}`);
  return ended;
}

/** Clients at work. What one of them complains of is heard when all are waited for. */
export class Crowd {
  private readonly works: Promise<unknown>[] = [];
  add(work: Promise<unknown>): void {
    work.catch(() => {});
    this.works.push(work);
  }
  get size(): number {
    return this.works.length;
  }
  async all(): Promise<void> {
    await Promise.all(this.works);
  }
}

export async function withStage<T>(options: EngineOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.open(options);
  try {
    return await play(stage);
  } finally {
    await stage.dispose();
  }
}

/** What the answers of a mixed load are like: short and long, quick and slow, with and without reasoning. */
export function someWish(chance: Chance): Wish {
  return {
    tokens: chance.between(1, 60),
    pace_ms: chance.between(0, 10),
    first_ms: chance.between(0, 30),
    reasoning: chance.of([0, 0, 5]),
  };
}

/** A reader that leaves after so many events, now and then, and comes back. */
export function restless(chance: Chance): () => number {
  return () => (chance.next() < 0.5 ? Infinity : chance.between(1, 20));
}

export { binary };
