/**
 * The long poll, for networks that break event streams: the one place of this package that asks again and again, since nothing
 * can tell it that there is something. Two requests at a time, one for changes and one for the answers that are being written,
 * so that most of the six connections a browser allows stay free.
 */
import type { Api } from "../protocol/api.ts";
import type { ChangesPage, Position, Problem, Rev } from "../protocol/types.ts";
import type { Clock } from "./clock.ts";
import type { FeedStart } from "./feed.ts";
import { endWith, type FeedSink, type OpenConnection } from "./feed_sink.ts";
import { WholeTexts } from "./whole_texts.ts";

export type PollApi = Pick<Api, "changes" | "readStream" | "activeStreams">;

const changes_every_ms = 2_000;
/** How long one answer is waited for; of several, none is. */
const wait_seconds = 20;
const round_pause_ms = 500;

export function connectPoll(
  api: PollApi,
  start: FeedStart,
  name: string,
  sink: FeedSink,
  clock: Clock,
): OpenConnection {
  const connection = new PollConnection(api, start, name, sink, clock);
  void connection.readChanges();
  void connection.readStreams();
  return connection;
}

class PollConnection implements OpenConnection {
  readonly #abort = new AbortController();
  readonly #wholeTexts = new WholeTexts();
  readonly #api: PollApi;
  readonly #name: string;
  readonly #sink: FeedSink;
  readonly #clock: Clock;
  /** Where each answer that is being written is read on. */
  readonly #positions: Map<string, Position | null>;
  #rev: Rev | null;
  #isOpen = false;
  #callOffWaiting: (() => void) | null = null;

  constructor(api: PollApi, start: FeedStart, name: string, sink: FeedSink, clock: Clock) {
    this.#api = api;
    this.#positions = new Map(start.cursors);
    this.#rev = start.since;
    this.#name = name;
    this.#sink = sink;
    this.#clock = clock;
  }

  close(): void {
    this.#abort.abort();
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  async readChanges(): Promise<void> {
    while (!this.#isClosed) {
      const since = this.#rev ?? 0;
      const reply = await this.#api.changes(since, undefined, this.#abort.signal);
      if (this.#isClosed) return;
      if (!reply.ok) return this.#end(reply.problem);
      this.#cameAlive();
      const isUnknown = reply.value.rev < since;
      if (isUnknown) this.#rev = null;
      else this.#tell(reply.value);
      if (!isUnknown && !reply.value.more) await this.#pause(changes_every_ms);
    }
  }

  #tell(page: ChangesPage): void {
    const from = this.#rev;
    if (from === page.rev) return;
    this.#rev = page.rev;
    const { conversations, messages, tasks } = page;
    this.#sink.event({ kind: "changes", changes: { conversations, messages, tasks }, rev: page.rev, from });
    for (const task of tasks) {
      if ("task_id" in task && task.finished_at === null) this.#follow(task.task_id);
    }
  }

  #follow(taskId: string): void {
    if (this.#positions.has(taskId)) return;
    this.#positions.set(taskId, null);
    this.#callOffWaiting?.();
  }

  async readStreams(): Promise<void> {
    const active = await this.#api.activeStreams(this.#abort.signal);
    if (this.#isClosed) return;
    if (!active.ok) return this.#end(active.problem);
    this.#cameAlive();
    for (const { task_id } of active.value) this.#follow(task_id);
    while (!this.#isClosed) {
      let isNews = false;
      for (const taskId of [...this.#positions.keys()]) {
        if (await this.#readOne(taskId)) isNews = true;
        if (this.#isClosed) return;
      }
      // Alone, an answer is waited for by the engine.
      if (!isNews && this.#positions.size !== 1) await this.#pause(round_pause_ms, true);
    }
  }

  /** Whether something came. */
  async #readOne(taskId: string): Promise<boolean> {
    const waiting = new AbortController();
    const callOff = () => waiting.abort();
    this.#abort.signal.addEventListener("abort", callOff);
    this.#callOffWaiting = callOff;
    const seconds = this.#positions.size === 1 ? wait_seconds : 0;
    const after = this.#positions.get(taskId) ?? null;
    const reply = await this.#api.readStream(taskId, after, seconds, waiting.signal);
    this.#callOffWaiting = null;
    this.#abort.signal.removeEventListener("abort", callOff);
    if (this.#isClosed) return false;
    if (!reply.ok) {
      if (reply.problem.code === "not_found") this.#positions.delete(taskId);
      else if (reply.problem.code !== "aborted") this.#end(reply.problem);
      return false;
    }
    this.#sink.alive();
    for (const chunk of reply.value.chunks) {
      for (const event of this.#wholeTexts.complete(chunk)) {
        this.#sink.event({ kind: "chunk", event, connection: this.#name });
        if (this.#isClosed) return false;
      }
    }
    if (reply.value.ended) this.#positions.delete(taskId);
    else this.#positions.set(taskId, reply.value.position);
    return reply.value.chunks.length > 0;
  }

  #cameAlive(): void {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#sink.opened(null);
    }
    this.#sink.alive();
  }

  #end(problem: Problem): void {
    if (this.#isClosed) return;
    this.close();
    endWith(this.#sink, problem);
  }

  /** Ends early when the connection is closed or, if wanted, when there is another answer to read. */
  #pause(milliseconds: number, untilNews = false): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        end();
        this.#abort.signal.removeEventListener("abort", done);
        if (untilNews) this.#callOffWaiting = null;
        resolve();
      };
      const end = this.#clock.after(milliseconds, done);
      this.#abort.signal.addEventListener("abort", done);
      if (untilNews) this.#callOffWaiting = done;
    });
  }
}
