/** An engine that has one task's log, answers like docs/protocol.md says, and breaks its connections where a test wants. */
import { parsePosition } from "../../protocol/position.ts";
import type { Chunk, Position } from "../../protocol/types.ts";

interface Entry {
  readonly attempt: number | null;
  readonly chunk: Chunk;
}

const text_bytes = new TextEncoder();

export class LogEngine {
  readonly taskId = "0199d3f0-6b2d-7b54-8f6c-3d9f4a5b6c73";
  readonly connections = new Set<LogConnection>();
  readonly log: Entry[] = [];
  readonly texts = [""];
  attempt = 1;
  isStored = false;
  /** Event streams open, but nothing comes through. */
  swallowsEvents = false;
  isDown = false;
  status: number | null = null;
  requests = { events: 0, changes: 0, stream: 0, me: 0 };
  #index = 0;

  get text(): string {
    return this.texts.at(-1) ?? "";
  }

  get hasEnded(): boolean {
    return this.log.at(-1)?.chunk.chunk_type === "done";
  }

  append(content: string): void {
    if (this.hasEnded) return;
    this.texts[this.attempt - 1] = this.text + content;
    this.#add({ chunk_index: this.#index, chunk_type: "content", content });
  }

  beginAgain(): void {
    if (this.hasEnded) return;
    this.attempt += 1;
    this.texts.push("");
    this.#index = 0;
    this.#add({ chunk_index: 0, chunk_type: "reset", attempt: this.attempt, reason: "worker_lost" });
  }

  end(): void {
    if (this.hasEnded) return;
    const rest = { finish_reason: "stop", message_id: "m", usage: null, ttft_ms: null, latency_ms: null };
    this.#add({ chunk_index: this.#index, chunk_type: "done", status: "completed", ...rest });
  }

  /** The log is dropped; the text is in the store. */
  store(): void {
    this.end();
    this.isStored = true;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    if (this.isDown) throw new TypeError("connection refused");
    if (this.status !== null)
      return new Response("", { status: this.status, headers: { "Retry-After": "7" } });
    const url = new URL(String(input), "http://engine");
    const signal = init?.signal ?? null;
    if (url.pathname === "/events") {
      this.requests.events += 1;
      const [, cursor] = (url.searchParams.get("cursors") ?? "").split(":");
      const connection = new LogConnection(this, cursor === undefined ? null : cursor, signal);
      this.connections.add(connection);
      return new Response(connection.body, { headers: { "Content-Type": "text/event-stream" } });
    }
    if (url.pathname === "/me") {
      this.requests.me += 1;
      return Response.json({ principal: "p", installation: "i", version: "1", signed_in: "open" });
    }
    if (url.pathname === "/changes") {
      this.requests.changes += 1;
      return Response.json({ conversations: [], messages: [], tasks: [], rev: 1, more: false });
    }
    if (url.pathname === "/active-streams") {
      const row = { task_id: this.taskId, message_id: "m", conversation_id: "c", position: "" };
      const data = this.hasEnded ? [] : [{ ...row, status: "generating", started_at: null }];
      return Response.json({ data });
    }
    this.requests.stream += 1;
    const entries = this.after(url.searchParams.get("after") || null);
    const last = entries.findLast((entry) => entry.attempt !== null);
    const position = last ? `${last.attempt}-${last.chunk.chunk_index}` : url.searchParams.get("after");
    const ended = this.hasEnded;
    // An engine would wait; a turn of the loop is enough to be no busy circle.
    await new Promise((resolve) => setImmediate(resolve));
    return Response.json({ chunks: entries.map(({ chunk }) => chunk), position: position ?? "", ended });
  };

  /** What a reader of that position gets (4.1), as far as it is there. */
  after(cursor: string | null): readonly Entry[] {
    const position = cursor === null ? null : parsePosition(cursor);
    const end = this.log.at(-1);
    if (this.isStored && end !== undefined) return this.#stored(position, end);
    const newest = this.log.filter((entry) => entry.attempt === this.attempt);
    if (position === null) return newest;
    if (position.attempt > 0 && position.attempt < this.attempt) return newest;
    const isKnown = position.attempt === this.attempt && position.index < newest.length;
    if (isKnown) return newest.slice(position.index + 1);
    return [unloggedReset("position_unknown"), ...newest];
  }

  /** What is behind a place of the whole log, for connections that are open. */
  since(place: number): readonly Entry[] {
    return this.log.slice(place);
  }

  #stored(position: Position | null, end: Entry): readonly Entry[] {
    const index = end.chunk.chunk_index;
    if (position?.attempt === end.attempt && position.index === index) return [];
    if (position?.attempt === end.attempt && position.index === index - 1) return [end];
    const half = Math.floor(this.text.length / 2);
    const pieces = [this.text.slice(0, half), this.text.slice(half)].map(
      (content): Entry => ({ attempt: null, chunk: { chunk_index: -1, chunk_type: "content", content } }),
    );
    return [...(position === null ? [] : [unloggedReset("resumed_from_store")]), ...pieces, end];
  }

  #add(chunk: Chunk): void {
    this.#index = chunk.chunk_index + 1;
    this.log.push({ attempt: this.attempt, chunk });
    for (const connection of this.connections) connection.follow();
  }
}

function unloggedReset(reason: string): Entry {
  return { attempt: null, chunk: { chunk_index: -1, chunk_type: "reset", attempt: null, reason } };
}

export class LogConnection {
  readonly body: ReadableStream<Uint8Array>;
  readonly #engine: LogEngine;
  #pending: Uint8Array[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #place: number;

  constructor(engine: LogEngine, cursor: string | null, signal: AbortSignal | null) {
    this.#engine = engine;
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#drop(),
    });
    signal?.addEventListener("abort", () => this.kill("error"));
    this.write("retry: 1000\n\n");
    for (const entry of engine.after(cursor)) this.#send(entry);
    this.#place = engine.log.length;
  }

  follow(): void {
    for (const entry of this.#engine.since(this.#place)) this.#send(entry);
    this.#place = this.#engine.log.length;
  }

  write(text: string): void {
    this.#pending.push(text_bytes.encode(text));
  }

  /** So many of the bytes that wait; they may end anywhere. */
  deliver(length: number): void {
    if (this.#engine.swallowsEvents) return;
    let left = length;
    while (left > 0) {
      const first = this.#pending.shift();
      if (first === undefined) return;
      this.#controller?.enqueue(first.slice(0, left));
      if (first.length > left) this.#pending.unshift(first.slice(left));
      left -= first.length;
    }
  }

  /** What was not delivered is lost. */
  kill(how: "close" | "error"): void {
    const controller = this.#controller;
    this.#drop();
    try {
      if (how === "close") controller?.close();
      else controller?.error(new TypeError("network error"));
    } catch {
      // It was over.
    }
  }

  #drop(): void {
    this.#controller = null;
    this.#engine.connections.delete(this);
  }

  #send({ attempt, chunk }: Entry): void {
    const data = JSON.stringify({ task_id: this.#engine.taskId, attempt, chunk });
    this.write(`event: chunk\r\ndata: ${data}\r\n\r\n`);
  }
}
