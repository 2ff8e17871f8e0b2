/** Does what the state machine of connection_state.ts says: timers, requests, and words to whoever listens. */
import type { Api } from "../protocol/api.ts";
import type { Clock } from "./clock.ts";
import {
  type ConnectionEvent,
  type ConnectionState,
  initialConnection,
  nextStep,
  silent_ms,
  slow_ms,
  type TimerKind,
  type Timers,
} from "./connection_state.ts";
import { debug } from "./debug.ts";
import type { Environment, PageEvent } from "./environment.ts";
import { connectEvents } from "./events_connection.ts";
import type { FeedEvent, FeedOptions, FeedStart } from "./feed.ts";
import { endWith, type FeedSink, type OpenConnection } from "./feed_sink.ts";
import { connectPoll, type PollApi } from "./poll_connection.ts";

export type ConnectionApi = PollApi & Pick<Api, "events" | "me">;

export interface ConnectionOptions {
  readonly api: ConnectionApi;
  readonly clock: Clock;
  readonly environment: Environment;
  readonly start: () => FeedStart;
  readonly admit?: FeedOptions["admit"];
  readonly onEvent: (event: FeedEvent) => void;
  readonly onState: (state: ConnectionState) => void;
}

/** A timer that comes so much after its time ran while nothing did. */
const late_ms = 10_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #timers = new Map<TimerKind, () => void>();
  #state: ConnectionState = initialConnection;
  #open: OpenConnection | null = null;
  #probe: AbortController | null = null;
  #aliveAt = 0;
  #connections = 0;
  readonly #name: string;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#name = `${options.clock.now()} ${options.clock.random()}`;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  hear(event: PageEvent): void {
    switch (event) {
      case "online":
      case "offline":
        this.send({ kind: event });
        break;
      case "shown":
        this.send({ kind: "shown", quietMs: this.#options.clock.now() - this.#aliveAt });
        break;
      case "frozen":
      case "leaving":
        this.send({ kind: "frozen" });
        break;
      case "hidden":
        break;
    }
  }

  send(event: ConnectionEvent): void {
    const { clock, environment } = this.#options;
    const moment = { now: clock.now(), random: clock.random(), isOnline: environment.isOnline() };
    const before = this.#state;
    const { state, actions, timers } = nextStep(before, event, moment);
    this.#state = state;
    if (timers !== null) this.#setTimers(timers);
    for (const action of actions) this.#do(action);
    if (state !== before) {
      debug(state.kind, { event: event.kind, transport: state.memory.transport });
      this.#options.onState(state);
    }
  }

  #do(action: ReturnType<typeof nextStep>["actions"][number]): void {
    switch (action) {
      case "connect":
        this.#connect();
        break;
      case "disconnect":
        this.#open?.close();
        this.#open = null;
        this.#probe?.abort();
        this.#probe = null;
        break;
      case "probe":
        void this.#ask();
        break;
      case "tell_signed_out":
        this.#options.onEvent({ kind: "signed_out" });
        break;
    }
  }

  #connect(): void {
    this.#aliveAt = this.#options.clock.now();
    if (this.#options.admit === undefined) this.#begin();
    else void this.#beginIfAdmitted(this.#options.admit);
  }

  async #beginIfAdmitted(admit: NonNullable<FeedOptions["admit"]>): Promise<void> {
    const waiting = new AbortController();
    this.#open = { close: () => waiting.abort() };
    const problem = await admit(waiting.signal);
    if (waiting.signal.aborted) return;
    if (problem === null) this.#begin();
    else endWith(this.#sink(), problem);
  }

  #begin(): void {
    const { api, clock, start } = this.#options;
    const sink = this.#sink();
    const name = `${this.#name} ${++this.#connections}`;
    this.#open =
      this.#state.memory.transport === "events"
        ? connectEvents(api, start(), name, sink)
        : connectPoll(api, start(), name, sink, clock);
  }

  #sink(): FeedSink {
    return {
      opened: (retryMs) => this.send({ kind: "opened", retryMs }),
      event: (event) => this.#options.onEvent(event),
      alive: () => {
        this.#aliveAt = this.#options.clock.now();
      },
      lost: (cause, askedMs) => this.send({ kind: "lost", cause, askedMs }),
      refused: (problem) => this.send({ kind: "refused", problem }),
    };
  }

  /** Whether the engine answers a plain request while it does not let an event stream through. */
  async #ask(): Promise<void> {
    const { api, clock } = this.#options;
    const probe = new AbortController();
    this.#probe = probe;
    const endTimer = clock.after(slow_ms, () => probe.abort());
    const reply = await api.me(probe.signal);
    endTimer();
    if (this.#probe !== probe) return;
    this.#probe = null;
    this.send({ kind: "probed", answers: reply.ok || reply.problem.status === 401 });
  }

  #setTimers(timers: Timers): void {
    for (const end of this.#timers.values()) end();
    this.#timers.clear();
    for (const kind of Object.keys(timers) as TimerKind[]) this.#startTimer(kind, timers[kind] ?? 0);
  }

  #startTimer(kind: TimerKind, milliseconds: number): void {
    const { clock } = this.#options;
    const dueAt = clock.now() + milliseconds;
    const end = clock.after(milliseconds, () => {
      this.#timers.delete(kind);
      const late = clock.now() - dueAt > late_ms;
      // A clock that was set back must not make a dead connection look alive.
      this.#aliveAt = Math.min(this.#aliveAt, clock.now());
      const quietMs = clock.now() - this.#aliveAt;
      // Setting a timer for each chunk would cost more than the chunk; so one looks back when it is due.
      if (kind !== "silent") this.send({ kind });
      else if (quietMs < silent_ms) this.#startTimer("silent", silent_ms - quietMs);
      else this.send({ kind: "silent", late });
    });
    this.#timers.set(kind, end);
  }
}
