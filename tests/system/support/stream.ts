// A client of /stream and its relatives that checks what every client may rely on, event by event: indexes increase by one
// inside an attempt, the attempt changes only through a reset, nothing follows the end.
import { EventSource } from "eventsource";
import { slowness } from "./process.ts";
import { checkEvent, checkReply } from "./contract.ts";
import { authorization } from "./token.ts";

/** The id of a reset that is not of the log: what the client had is void. */
export const noPosition = "0-0";

export interface Chunk {
  chunk_index: number;
  chunk_type: "content" | "reasoning" | "reset" | "done" | "error";
  content: string;
  status?: string;
  attempt?: number;
  reason?: string;
  finish_reason?: string;
  message_id?: string;
  code?: string;
  retryable?: boolean;
  usage?: { input_tokens: number; output_tokens: number; total_tokens: number; estimated: boolean };
  ttft_ms?: number;
  latency_ms?: number;
}

export interface Event {
  id: string | undefined;
  data: string;
  event: string;
}

/** Cuts a text/event-stream into events, each of which must be as openapi.json says. */
export class SseReader {
  private rest = "";
  comments = 0;
  retry: number | undefined;

  feed(piece: string): Event[] {
    this.rest += piece;
    const events: Event[] = [];
    for (;;) {
      const end = this.rest.indexOf("\n\n");
      if (end < 0) return events;
      const block = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 2);
      let id: string | undefined;
      let event = "message";
      const data: string[] = [];
      for (const line of block.split("\n")) {
        if (line.startsWith(":")) this.comments++;
        else if (line.startsWith("id: ")) id = line.slice(4);
        else if (line.startsWith("data: ")) data.push(line.slice(6));
        else if (line.startsWith("event: ")) event = line.slice(7);
        else if (line.startsWith("retry: ")) this.retry = Number(line.slice(7));
        else throw new Error(`unexpected line in the event stream: ${JSON.stringify(line)}`);
      }
      if (data.length === 0) continue;
      checkEvent(event, data.join("\n"));
      events.push({ id, data: data.join("\n"), event });
    }
  }
}

/** What one reader has of one answer, however often it was disconnected. */
export class Transcript {
  content = "";
  reasoning = "";
  attempt = 0;
  index = -1;
  position: string | undefined;
  terminal: Chunk | undefined;
  resets: Chunk[] = [];
  chunks = 0;
  private unlogged = false;

  take(event: Event): void {
    const chunk = JSON.parse(event.data) as Chunk;
    if (this.terminal) throw new Error(`an event after the end: ${event.data}`);
    this.chunks++;
    const position = event.id?.replace(/^[0-9a-f-]{36}:/, "");
    if (position === undefined) this.takeUnlogged(chunk);
    else if (position === noPosition) this.takeVoid(event.id!, chunk);
    else this.takeLogged(position, event.id!, chunk);
    if (chunk.chunk_type === "content") this.content += chunk.content;
    else if (chunk.chunk_type === "reasoning") this.reasoning += chunk.content;
    else if (chunk.chunk_type === "reset") {
      this.content = this.reasoning = "";
      this.resets.push(chunk);
    } else this.terminal = chunk;
  }

  private takeUnlogged(chunk: Chunk): void {
    if (chunk.chunk_type === "reset") throw new Error("a reset without id");
    this.unlogged = true;
  }

  /** A reset that is not of the log: what was there is void, the position too. */
  private takeVoid(id: string, chunk: Chunk): void {
    if (chunk.chunk_type !== "reset" || chunk.chunk_index !== -1) throw new Error(`${chunk.chunk_type} ${chunk.chunk_index} with the id ${id}`);
    this.attempt = 0;
    this.index = -1;
    this.position = id;
    this.unlogged = chunk.reason === "resumed_from_store";
  }

  private takeLogged(position: string, id: string, chunk: Chunk): void {
    const match = position.match(/^(\d+)-(\d+)$/);
    if (!match) throw new Error(`not a position: ${id}`);
    const attempt = Number(match[1]);
    const index = Number(match[2]);
    if (index !== chunk.chunk_index) throw new Error(`id ${id} on chunk ${chunk.chunk_index}`);
    const isEndAlone = this.attempt === 0 && (chunk.chunk_type === "done" || chunk.chunk_type === "error"); // there is no text
    if (!this.unlogged && !isEndAlone) {
      const isNew = attempt > this.attempt;
      if (attempt < this.attempt) throw new Error(`attempt ${attempt} after ${this.attempt}`);
      if (index !== (isNew ? 0 : this.index + 1)) {
        throw new Error(`chunk ${id} after ${this.attempt}-${this.index}`);
      }
      const mustReset = isNew && this.attempt > 0;
      if (mustReset && chunk.chunk_type !== "reset") throw new Error(`attempt ${attempt} began without a reset`);
    }
    this.attempt = attempt;
    this.index = index;
    this.position = id;
  }
}

export interface ReadOptions {
  /** Cut the connection after so many events of this connection. */
  cutAfter?: number;
  /** Path of the stream. */
  path?: string;
  signal?: AbortSignal;
  onChunk?: (chunk: Chunk) => void;
}

/** One connection: reads until the response ends or is cut. Resolves to the status. */
export async function readOnce(
  url: string,
  task: string,
  transcript: Transcript,
  options: ReadOptions = {},
): Promise<number> {
  const abort = new AbortController();
  options.signal?.addEventListener("abort", () => abort.abort());
  const headers: Record<string, string> = { ...authorization(url), Accept: "text/event-stream" };
  if (transcript.position !== undefined) headers["Last-Event-ID"] = transcript.position;
  const path = options.path ?? `/stream/${task}`;
  const reply = await fetch(url + path, { headers, signal: abort.signal });
  checkReply("GET", path, { status: reply.status, headers: reply.headers });
  if (reply.status !== 200) {
    await reply.body?.cancel();
    return reply.status;
  }
  const reader = new SseReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let seen = 0;
  try {
    for await (const piece of reply.body!) {
      for (const event of reader.feed(decoder.decode(piece, { stream: true }))) {
        transcript.take(event);
        options.onChunk?.(JSON.parse(event.data) as Chunk);
        seen++;
        if (options.cutAfter !== undefined && seen >= options.cutAfter && !transcript.terminal) {
          abort.abort();
          return 200;
        }
      }
    }
  } catch (error) {
    if (!abort.signal.aborted && !isDisconnect(error)) throw error;
  }
  return reply.status;
}

/** What fetch says when a connection cannot be made or breaks. Other TypeErrors, like that of bytes that are not UTF-8, are failures. */
function isDisconnect(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || (error instanceof TypeError && /^(terminated|fetch failed)$/.test(error.message));
}

/** Reads to the end of the answer, reconnecting for as long as it takes. */
export async function readToEnd(
  url: string | (() => string),
  task: string,
  options: ReadOptions & { patience?: number; transcript?: Transcript } = {},
): Promise<Transcript> {
  const transcript = options.transcript ?? new Transcript();
  const deadline = performance.now() + (options.patience ?? 40_000) * slowness;
  const where = typeof url === "string" ? () => url : url;
  while (!transcript.terminal) {
    if (performance.now() > deadline) {
      throw new Error(`no end of ${task} in time; at ${transcript.position}, ${transcript.content.length} characters`);
    }
    try {
      const status = await readOnce(where(), task, transcript, options);
      if (status === 204) break;
      if (status >= 400 && status < 500) throw new Error(`the stream of ${task} answered ${status}`);
    } catch (error) {
      if (!isDisconnect(error)) throw error;
    }
    if (!transcript.terminal) await new Promise((next) => setTimeout(next, 50));
  }
  return transcript;
}

/** The same through the `eventsource` package with its own reconnect. */
export function followWithEventSource(url: string, task: string, patience = 30_000): Promise<Transcript> {
  return new Promise((resolve, reject) => {
    const transcript = new Transcript();
    const source = new EventSource(`${url}/stream/${task}`);
    const timer = setTimeout(() => finish(new Error(`EventSource saw no end of ${task}`)), patience * slowness);
    const finish = (error?: unknown) => {
      clearTimeout(timer);
      source.close();
      if (error) reject(error);
      else resolve(transcript);
    };
    source.onmessage = (message) => {
      try {
        // lastEventId keeps its value over events without an id: only a change is this event's own, or a second reset.
        const isVoid = message.lastEventId === "0-0" && (JSON.parse(message.data) as Chunk).chunk_type === "reset";
        const own = isVoid || (message.lastEventId !== "" && message.lastEventId !== transcript.position);
        transcript.take({ id: own ? message.lastEventId : undefined, data: message.data, event: "message" });
        if (transcript.terminal) finish();
      } catch (error) {
        finish(error);
      }
    };
  });
}
