// /events and /changes: one connection that misses nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { type Chunk, type Event, noPosition, readToEnd, SseReader, Transcript } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

interface Change {
  conversations: any[];
  messages: any[];
  tasks: any[];
}

/** A client of /events as the contract describes one: drops chunks that are not the next, keeps the newest of each row. */
class EventsClient {
  readonly transcripts = new Map<string, Transcript>();
  readonly rows = new Map<string, any>();
  rev = 0;
  isOpen = false;
  private abort = new AbortController();
  private done: Promise<void> = Promise.resolve();

  open(query = ""): this {
    this.abort = new AbortController();
    this.done = this.read(query).catch((error) => {
      if (!this.abort.signal.aborted) throw error;
    });
    return this;
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.done;
  }

  transcript(task: string): Transcript {
    let found = this.transcripts.get(task);
    if (!found) this.transcripts.set(task, (found = new Transcript()));
    return found;
  }

  cursors(): string {
    return [...this.transcripts].filter(([, one]) => one.position && !one.terminal)
      .map(([task, one]) => `${task}:${one.position}`).join(",");
  }

  private async read(query: string): Promise<void> {
    const reply = await fetch(`${engine.url}/events${query}`, { signal: this.abort.signal });
    expect(reply.status).toBe(200);
    this.isOpen = true;
    const reader = new SseReader();
    const decoder = new TextDecoder();
    for await (const piece of reply.body!) {
      for (const event of reader.feed(decoder.decode(piece, { stream: true }))) this.take(event);
    }
  }

  private take(event: Event): void {
    if (event.event === "change") {
      expect(Number(event.id)).toBeGreaterThanOrEqual(this.rev);
      this.rev = Number(event.id);
      const change = JSON.parse(event.data) as Change;
      for (const kind of ["conversations", "messages"] as const) {
        for (const row of change[kind]) this.rows.set(row.id, row);
      }
      for (const row of change.tasks) this.rows.set(row.task_id ?? row.id, row);
    } else {
      expect(event.event).toBe("chunk");
      expect(event.id).toBe(undefined);
      const { task_id, attempt, chunk } = JSON.parse(event.data) as { task_id: string; attempt: number | null; chunk: Chunk };
      const one = this.transcript(task_id);
      if (one.terminal) return;
      const unlogged = chunk.chunk_type === "reset" ? noPosition : undefined;
      const id = attempt === null ? unlogged : `${attempt}-${chunk.chunk_index}`;
      if (attempt === one.attempt && chunk.chunk_index <= one.index) return;
      one.take({ id, data: JSON.stringify(chunk), event: "message" });
    }
  }
}

describe("/events", () => {
  test("carries every chunk of every answer and every change", async () => {
    const client = new EventsClient().open();
    await until("the connection", () => client.isOpen);
    const posted = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const key = freshKey();
        return { key, ...(await engine.ask(wish({ key, tokens: 40, pace_ms: 10 }))) };
      }),
    );
    await until("all ends", () => posted.every((one) => client.transcripts.get(one.task_id)?.terminal));
    for (const one of posted) {
      const sent = (await model.last(one.key)).sent_text;
      expect(client.transcript(one.task_id).content).toBe(sent);
      await until("the finished message as a change", () => client.rows.get(one.message_id)?.content === sent);
      expect(client.rows.get(one.conversation_id)).toMatchObject({ id: one.conversation_id });
      expect(client.rows.get(one.user_message_id)).toMatchObject({ role: "user" });
      await until("the task's end", () => client.rows.get(one.task_id)?.state === "succeeded");
    }
    await client.close();
  });

  test("goes on after a gap with what is missing, answers that came and ended meanwhile included", async () => {
    const client = new EventsClient().open();
    const key = freshKey();
    const long = await engine.ask(wish({ key, tokens: 150, pace_ms: 20 }));
    await until("some text", () => (client.transcripts.get(long.task_id)?.chunks ?? 0) > 10);
    await client.close();
    const between = await engine.ask(wish({ tokens: 2 }));
    await readToEnd(engine.url, between.task_id);
    const gone = await engine.conversation({ title: "short-lived" });
    await engine.expect(204, "DELETE", `/conversations/${gone.id}`);
    client.open(`?since=${client.rev}&cursors=${client.cursors()}`);
    await until("the end", () => client.transcript(long.task_id).terminal);
    expect(client.transcript(long.task_id).content).toBe((await model.last(key)).sent_text);
    expect(client.rows.get(between.message_id)).toMatchObject({ status: "completed" });
    expect(client.rows.get(gone.id)).toMatchObject({ id: gone.id, deleted: true });
    await client.close();
  });

  test("a client that has nothing gets a snapshot and the running answers from their start", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 100, pace_ms: 10 }));
    await until("text", async () => (await engine.task(posted.task_id)).chunk_count > 10);
    const client = new EventsClient().open();
    await until("the end", () => client.transcripts.get(posted.task_id)?.terminal);
    expect(client.transcript(posted.task_id).content).toBe((await model.last(key)).sent_text);
    expect(client.rows.has(posted.conversation_id)).toBe(true);
    await client.close();
    await engine.expect(400, "GET", "/events?colour=red");
  });
});

describe("/changes", () => {
  test("pages through everything, and the last page says so by being empty of news", async () => {
    let rev = 0;
    const ids = new Set<string>();
    for (let pages = 0; pages < 1000; pages++) {
      const page = await engine.expect(200, "GET", `/changes?since=${rev}&limit=5`);
      for (const row of [...page.conversations, ...page.messages]) ids.add(row.id);
      if (page.rev === rev) break;
      expect(page.rev).toBeGreaterThan(rev);
      rev = page.rev;
    }
    const all = await engine.expect(200, "GET", "/conversations?limit=200");
    for (const one of all.data) expect(ids.has(one.id)).toBe(true);
  });
});
