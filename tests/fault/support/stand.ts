// An engine before a model whose bytes a test decides, and what becomes of a question there.
import { afterAll, beforeAll } from "vitest";
import { type Engine, type EngineOptions, type Message, startEngine } from "../../system/support/engine.ts";
import { slowness } from "../../system/support/process.ts";
import type { Recorded } from "../../system/support/model.ts";
import { type RawModel, type Script, startRawModel } from "./raw_model.ts";
import { databaseOf } from "./database.ts";
import { type Posted, Recorder } from "./recorder.ts";
import type { Seen } from "./records.ts";
import { type Tally } from "./rows.ts";

/** An answer that has ended, from all sides. */
export interface Outcome {
  posted: Posted;
  /** As the database has it. */
  message: Message;
  /** The terminal chunk that the client saw. */
  end: Seen;
  /** What the client had in the end. */
  text: string;
  resets: Seen[];
  /** What the model was asked. */
  requests: Recorded[];
}

/** Work that is waited for later: until then its failure is nobody's. */
export function background<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}

let names = 0;

export class Stand {
  engine!: Engine;
  model!: RawModel;

  recorder(where: () => string = () => this.engine.somewhere()): Recorder {
    return new Recorder(where, this.model);
  }

  /** Asks a question that `script` answers, and follows the answer to its end. */
  async ask(recorder: Recorder, script: Script, client = "reader"): Promise<Outcome> {
    const name = `script-${++names}`;
    this.model.script(name, script);
    const before = recorder.records.seen.length;
    const posted = await recorder.post(client, { script: name } as object, 60_000 * slowness);
    await recorder.follow(client, posted.task, { patience: 60_000 * slowness });
    return outcome(this.engine, recorder, posted, await this.model.requests(posted.modelKey), client, before);
  }

  /** What the checker says of everything that this recorder saw. */
  async judge(recorder: Recorder, tally: Tally, when: string): Promise<void> {
    recorder.healed();
    tally.blame(await recorder.verdict(databaseOf(this.engine), { close: 3_000 * slowness }), when);
  }
}

export async function outcome(
  engine: Engine, recorder: Recorder, posted: Posted, requests: Recorded[], client = "reader", before = 0,
): Promise<Outcome> {
  // Only what came since `before`: of ten thousand answers it would be looked through ten thousand times.
  const seen = recorder.records.seen.slice(before).filter((event) => event.task === posted.task && event.client === client);
  let text = "";
  for (const event of seen) {
    if (event.type === "reset") text = "";
    if (event.type === "content") text += event.content;
  }
  return {
    posted, text, requests,
    message: await engine.message(posted.conversation, posted.message),
    end: seen.at(-1)!,
    resets: seen.filter((event) => event.type === "reset"),
  };
}

/** A stand for all tests of a file. */
export function useStand(options: EngineOptions = {}): Stand {
  const stand = new Stand();
  beforeAll(async () => {
    stand.model = await startRawModel();
    stand.engine = await startEngine({ model: stand.model.base, ...options });
  });
  afterAll(async () => {
    await stand.engine?.dispose();
    await stand.model?.stop();
  });
  return stand;
}

