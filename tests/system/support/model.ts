// The mock model as a process of its own, and what it says it got and sent.
import { type Running, start } from "./process.ts";

/** What a question may ask the mock model to do; see `throughline mock-model --help`. */
export interface Wish {
  key?: string;
  tokens?: number;
  token_bytes?: number;
  text?: string;
  seed?: number;
  vary?: boolean;
  pace_ms?: number;
  first_ms?: number;
  status?: number;
  retry_after?: number | string;
  fail_times?: number;
  stall_after?: number;
  cut_after_tokens?: number;
  cut_after_bytes?: number;
  rst?: boolean;
  no_finish?: boolean;
  no_done?: boolean;
  keep_open?: boolean;
  in_band_error_after?: number;
  bad_utf8?: boolean;
  huge_delta_bytes?: number;
  drip_bytes_per_s?: number;
  reasoning?: number;
  usage?: boolean;
  finish_reason?: string;
  html?: boolean;
  redirect?: boolean;
}

/** One request the model got. */
export interface Recorded {
  id: number;
  key: string;
  path: string;
  model: string;
  sent_text: string;
  sent_reasoning: string;
  finished: boolean;
  closed_by_client: boolean;
  received_at_ms: number;
  closed_at_ms: number | null;
  messages: { role: string; content: string }[];
}

/** A question that carries a wish; `key` finds its requests again. */
export function wish(what: Wish): string {
  return JSON.stringify({ mock: what });
}

let serial = 0;
export function freshKey(): string {
  return `key-${process.pid}-${++serial}`;
}

export class Model {
  readonly base: string;
  private readonly running: Running;

  constructor(base: string, running: Running) {
    this.base = base;
    this.running = running;
  }

  private get root(): string {
    return this.base.replace(/\/v1$/, "");
  }

  async requests(key?: string, limit?: number): Promise<Recorded[]> {
    const query = new URLSearchParams();
    if (key !== undefined) query.set("key", key);
    if (limit !== undefined) query.set("limit", String(limit));
    const reply = await fetch(`${this.root}/mock/requests?${query}`);
    const body = (await reply.json()) as Recorded[] | { data: Recorded[] };
    return Array.isArray(body) ? body : body.data;
  }

  /** The last request with this key. */
  async last(key: string): Promise<Recorded> {
    const all = await this.requests(key);
    const found = all.at(-1);
    if (!found) throw new Error(`the model got no request with the key ${key}`);
    return found;
  }

  async stop(): Promise<void> {
    await this.running.end("SIGKILL");
  }
}

export async function startModel(): Promise<Model> {
  const running = start(["mock-model", "--listen", "127.0.0.1:0"]);
  const match = await running.waitFor(/listening on (http:\/\/\S+)/);
  return new Model(match[1]!, running);
}
