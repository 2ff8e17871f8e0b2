// Clients of a test that write down everything: each event they see, each reply they get. They behave as docs/protocol.md says a
// client does: they come back with their last position, repeat a post with its key until it is answered, and judge nothing;
// that is the checker's business.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Model, wish, type Wish } from "../../system/support/model.ts";
import { type Event, SseReader } from "../../system/support/stream.ts";
import { check, type Patience, type Violation } from "./checker.ts";
import type { Database } from "./database.ts";
import { type ChunkType, type Connection, noRecords, type Records, type Reply, type Snapshot } from "./records.ts";

/** Where the engine is just now: it may come back elsewhere, or another one may serve. */
export type Where = () => string;

export interface Posted {
  task: string;
  message: string;
  conversation: string;
  /** Under which the mock model records it. */
  modelKey: string;
}

export interface FollowOptions {
  /** Leave after so many events of a connection (and come back). */
  cutAfter?: () => number;
  /** Ends following for good. */
  signal?: AbortSignal;
  /** How long until the end must have come. */
  patience?: number;
  path?: string;
  /** Elsewhere than the recorder's other calls. */
  where?: Where;
}

/** When a client gives a server up and asks again, perhaps another one. */
export interface Impatience {
  /** No reply to a call for so many ms. */
  call?: number;
  /** Nothing on a stream for so many ms, not even a comment. */
  silence?: number;
}

let connections = 0;
let keys = 0;

export class Recorder {
  readonly records: Records = noRecords();
  private readonly where: Where;
  private readonly model: Pick<Model, "requests">;
  private readonly impatience: Impatience;
  private readonly prefix = `${process.pid}-${randomUUID().slice(0, 8)}`;
  /** Replies of 5xx and 429, which a client answers by trying again. */
  refusals = 0;

  constructor(where: Where, model: Pick<Model, "requests">, impatience: Impatience = {}) {
    this.where = where;
    this.model = model;
    this.impatience = impatience;
  }

  freshKey(): string {
    return `${this.prefix}-${++keys}`;
  }

  /**
   * Posts in a conversation of its own, again and again with the same key until it is answered 2xx. Each attempt at the answer
   * gets a text of its own from the model, so that no attempt can be taken for another. Rejects when `patience` is over, and
   * on a reply that trying again cannot mend.
   */
  async post(client: string, what: Wish = {}, patience = 60_000): Promise<Posted> {
    const modelKey = this.freshKey();
    const content = wish({ key: modelKey, vary: true, ...what });
    const idempotencyKey = randomUUID();
    const reply = await this.insist(patience, (deadline) =>
      this.call(client, "post", "/chat/messages", { content }, { "Idempotency-Key": idempotencyKey }, deadline, {
        content, idempotencyKey, modelKey,
      }),
    );
    return { task: reply.task_id, message: reply.message_id, conversation: reply.session_id, modelKey };
  }

  /** Asks for the end of an answer. The state it is in then, or undefined if no reply came. */
  async cancel(client: string, task: string): Promise<string | undefined> {
    const { body } = await this.call(client, "cancel", `/tasks/${task}/cancel`, undefined, {}, performance.now() + 20_000, { task });
    return body?.state;
  }

  /** Another answer to the same question. The model's requests for it are recorded under the same key. */
  async regenerate(client: string, of: Posted, patience = 60_000): Promise<Posted> {
    const idempotencyKey = randomUUID();
    const reply = await this.insist(patience, (deadline) =>
      this.call(client, "regenerate", `/messages/${of.message}/regenerate`, {}, { "Idempotency-Key": idempotencyKey }, deadline, {
        idempotencyKey, modelKey: of.modelKey,
      }),
    );
    return { ...of, task: reply.task_id, message: reply.message_id };
  }

  private async insist(patience: number, once: (deadline: number) => Promise<{ status: number | null; body: any; retryAfter: string | null }>) {
    const deadline = performance.now() + patience;
    for (;;) {
      const { status, body, retryAfter } = await once(deadline);
      if (status !== null && status < 300) return body;
      if (status !== null && status < 500 && status !== 429) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
      if (status !== null) this.refusals++;
      if (performance.now() > deadline) throw new Error(`no 2xx in ${patience} ms; the last was ${status}: ${JSON.stringify(body)}`);
      // A test is in more of a hurry than Retry-After, which is whole seconds.
      await sleep(status === null ? 20 : Math.min(200, Number(retryAfter ?? 1) * 1000));
    }
  }

  private async call(
    client: string, call: Reply["call"], path: string, body: object | undefined, headers: Record<string, string>, deadline: number,
    known: Partial<Reply>,
  ): Promise<{ status: number | null; body: any; retryAfter: string | null }> {
    const record: Reply = { at: 0, sentAt: Date.now(), client, call, status: null, ...known };
    let answer: any;
    let retryAfter: string | null = null;
    try {
      const reply = await fetch(this.where() + path, {
        method: "POST",
        headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: timeout(Math.min(deadline - performance.now(), this.impatience.call ?? Infinity)),
      });
      const text = await reply.text();
      answer = text === "" ? undefined : JSON.parse(text);
      record.status = reply.status;
      retryAfter = record.retryAfter = reply.headers.get("retry-after");
      if (answer?.task_id !== undefined) record.task = answer.task_id;
      if (answer?.message_id !== undefined) record.message = answer.message_id;
      if (answer?.state !== undefined) record.state = answer.state;
    } catch (error) {
      // No reply, or half of one: the client cannot know what happened.
      if (!isOfTheNetwork(error)) throw error;
      record.status = null;
      answer = undefined;
    }
    record.at = Date.now();
    this.records.replies.push(record);
    return { status: record.status, body: answer, retryAfter };
  }

  /** Reads an answer to its end, coming back with the last position as often as it takes. Rejects if no end comes. */
  async follow(client: string, task: string, options: FollowOptions = {}): Promise<void> {
    const patience = options.patience ?? 60_000;
    const deadline = performance.now() + patience;
    const reader = { position: null as string | null, ended: false };
    while (!reader.ended && !options.signal?.aborted) {
      const left = deadline - performance.now();
      if (left < 0) throw new Error(`${client} saw no end of ${task} in ${patience} ms; it is at ${reader.position}`);
      const status = await this.connect(client, task, reader, options, left);
      if (status === 204) return;
      if (status !== null && status >= 400 && status < 500 && status !== 429) {
        throw new Error(`the stream of ${task} answered ${status}`);
      }
      if (!reader.ended) await sleep(30);
    }
  }

  private async connect(
    client: string, task: string, reader: { position: string | null; ended: boolean }, options: FollowOptions, left: number,
  ): Promise<number | null> {
    const server = (options.where ?? this.where)();
    const connection: Connection = {
      at: Date.now(), client, number: ++connections, task, server, from: reader.position, status: null, end: null, retry: null,
    };
    this.records.connections.push(connection);
    const leave = new AbortController();
    const signal = AbortSignal.any([leave.signal, timeout(left), ...(options.signal ? [options.signal] : [])]);
    const { silence } = this.impatience;
    const heard = silence === undefined ? undefined : setTimeout(() => leave.abort(), silence);
    const most = options.cutAfter?.() ?? Infinity;
    let events = 0;
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (reader.position !== null) headers["Last-Event-ID"] = reader.position;
      const reply = await fetch(server + (options.path ?? `/stream/${task}`), { headers, signal });
      connection.status = reply.status;
      if (reply.status !== 200) {
        await reply.body?.cancel();
        connection.end = "whole";
        return reply.status;
      }
      const lines = new SseReader();
      const decoder = new TextDecoder("utf-8", { fatal: true });
      for await (const piece of reply.body!) {
        heard?.refresh();
        for (const event of this.cutUp(lines, decoder, piece, connection)) {
          this.see(connection, reader, event);
          if (++events >= most && !reader.ended) leave.abort();
          if (leave.signal.aborted) break;
        }
        connection.retry = lines.retry ?? null;
        if (leave.signal.aborted) break;
      }
      connection.end = leave.signal.aborted ? "left" : "whole";
    } catch (error) {
      if (!isOfTheNetwork(error)) throw error;
      connection.end = signal.aborted ? "left" : "broken";
    } finally {
      clearTimeout(heard);
    }
    connection.endedAt = Date.now();
    return connection.status;
  }

  private cutUp(lines: SseReader, decoder: TextDecoder, piece: Uint8Array, connection: Connection): Event[] {
    try {
      return lines.feed(decoder.decode(piece, { stream: true }));
    } catch (error) {
      connection.malformed = String(error);
      return [];
    }
  }

  private see(connection: Connection, reader: { position: string | null; ended: boolean }, event: Event): void {
    const chunk = JSON.parse(event.data) as {
      chunk_index: number; chunk_type: ChunkType; content: string; status?: string; reason?: string;
    };
    this.records.seen.push({
      at: Date.now(),
      client: connection.client,
      connection: connection.number,
      task: connection.task,
      id: event.id?.replace(/^[0-9a-f-]{36}:/, "") ?? null,
      index: chunk.chunk_index,
      type: chunk.chunk_type,
      content: chunk.content,
      bytes: Buffer.byteLength(event.data),
      ...(chunk.status === undefined ? {} : { status: chunk.status }),
      ...(chunk.reason === undefined ? {} : { reason: chunk.reason }),
    });
    if (event.id !== undefined) reader.position = event.id;
    if (chunk.chunk_type === "done" || chunk.chunk_type === "error") reader.ended = true;
  }

  /** Adds what the database holds now. */
  async snapshot(database: Database, deep = false): Promise<Snapshot> {
    const snapshot = await database.snapshot(deep);
    this.records.snapshots.push(snapshot);
    return snapshot;
  }

  /** The last fault is over: from now on liveness counts. */
  healed(): void {
    this.records.healedAt = Date.now();
  }

  /** What is wrong with the run so far, given what the database holds now. */
  async verdict(database: Database, patience: Partial<Patience> = {}): Promise<Violation[]> {
    await this.snapshot(database, true);
    const all = await this.model.requests(undefined, 20_000);
    this.records.sent = all.filter((one) => one.key.startsWith(this.prefix));
    return check(this.records, patience);
  }
}

function timeout(ms: number): AbortSignal {
  return AbortSignal.timeout(Math.ceil(Math.max(ms, 1_000)));
}

/** What fetch says when a connection cannot be made, breaks, or is given up. */
function isOfTheNetwork(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === "AbortError" || error.name === "TimeoutError") return true;
  if (error instanceof SyntaxError) return true; // half of a JSON reply
  return error instanceof TypeError && /^(terminated|fetch failed)/.test(error.message);
}
