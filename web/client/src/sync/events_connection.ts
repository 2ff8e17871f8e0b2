/** One connection to `GET /events`, from its first byte to its end. */
import type { Api } from "../protocol/api.ts";
import { decodeChanges, decodeChunkEvent } from "../protocol/decode.ts";
import { DecodeError } from "../protocol/fields.ts";
import { formatPosition } from "../protocol/position.ts";
import { readSse, type SseItem } from "../protocol/sse.ts";
import type { Position, Rev } from "../protocol/types.ts";
import { debug } from "./debug.ts";
import type { FeedEvent, FeedStart } from "./feed.ts";
import { endWith, type FeedSink, type OpenConnection } from "./feed_sink.ts";
import { WholeTexts } from "./whole_texts.ts";

/** The head of a request may have 16 KiB. */
const cursors_length_max = 12 * 1024;

/** As many as fit. A task that is left out is sent from its start, and readers drop what they have. */
export function formatCursors(cursors: ReadonlyMap<string, Position>, longest = cursors_length_max): string {
  let text = "";
  for (const [taskId, position] of cursors) {
    const entry = `${text === "" ? "" : ","}${taskId}:${formatPosition(position)}`;
    if (text.length + entry.length > longest) break;
    text += entry;
  }
  return text;
}

export function connectEvents(
  api: Pick<Api, "events">,
  start: FeedStart,
  name: string,
  sink: FeedSink,
): OpenConnection {
  const connection = new EventsConnection(start.since, name, sink);
  void connection.run(api, start);
  return connection;
}

class EventsConnection implements OpenConnection {
  readonly #abort = new AbortController();
  readonly #wholeTexts = new WholeTexts();
  readonly #name: string;
  readonly #sink: FeedSink;
  #rev: Rev | null;
  #isOpen = false;
  /** Of `retry:` behind the first bytes: how the server says goodbye. */
  #askedMs: number | null = null;

  constructor(since: Rev | null, name: string, sink: FeedSink) {
    this.#rev = since;
    this.#name = name;
    this.#sink = sink;
  }

  close(): void {
    this.#abort.abort();
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  async run(api: Pick<Api, "events">, { since, cursors }: FeedStart): Promise<void> {
    const reply = await api.events({ since, cursors: formatCursors(cursors) }, this.#abort.signal);
    if (this.#isClosed) {
      if (reply.ok) await reply.value.cancel().catch(() => {});
      return;
    }
    if (!reply.ok) return endWith(this.#sink, reply.problem);
    await this.#read(reply.value);
  }

  async #read(bytes: ReadableStream<Uint8Array>): Promise<void> {
    let cause = "The server closed the connection.";
    try {
      for await (const items of readSse(bytes)) {
        if (this.#isClosed) return;
        this.#open(items);
        this.#sink.alive();
        for (const item of items) {
          this.#take(item);
          if (this.#isClosed) return;
        }
      }
    } catch (error) {
      const isUnread = error instanceof DecodeError || error instanceof SyntaxError;
      cause = isUnread ? "What the server sent cannot be understood." : "The connection broke.";
      debug("broke", { error: String(error) });
    }
    if (this.#isClosed) return;
    this.#sink.lost(cause, this.#askedMs);
  }

  #open(items: readonly SseItem[]): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const first = items[0];
    this.#sink.opened(first?.kind === "retry" ? first.milliseconds : null);
  }

  #isFirst = true;

  #take(item: SseItem): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (item.kind === "retry" && !isFirst) this.#askedMs = item.milliseconds;
    if (item.kind !== "event") return;
    if (item.event === "change") this.#sink.event(this.#change(item.id, item.data));
    if (item.event !== "chunk") return;
    const chunk = decodeChunkEvent(JSON.parse(item.data), "chunk");
    for (const event of this.#wholeTexts.complete(chunk)) {
      this.#sink.event({ kind: "chunk", event, connection: this.#name });
    }
  }

  /** Without a rev to begin from, or with one that the engine never gave out, the first change is a snapshot. */
  #change(id: string | null, data: string): FeedEvent {
    const rev = Number(id ?? Number.NaN);
    if (!Number.isSafeInteger(rev)) throw new DecodeError(`change has no rev but '${id}'`);
    const before = this.#rev;
    this.#rev = rev;
    const from = before === null || rev < before ? null : before;
    return { kind: "changes", changes: decodeChanges(JSON.parse(data), "change"), rev, from };
  }
}
