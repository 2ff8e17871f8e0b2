/**
 * The connection to the engine as a state machine. Pure: `nextStep` says what state follows, what is to be done, and which
 * timers run from now on; connection.ts does it.
 *
 *                    lead, resume, due, online, shown
 *      +----------------------------------------------------------+
 *      |                                                          v
 *   paused <---- not leader, frozen, signed out, offline ---- connecting ---opened---> open
 *      ^                                                        |   |                   |
 *      |                                          slow (events) |   | lost              | lost, silent
 *      |                                                        v   |                   |
 *      +------ offline ----- waiting <---- not answered ---- probing|                   |
 *                             |  ^                              |   |                   |
 *                         due |  +------------------------------|---+-------------------+
 *                             v                                 |
 *                         connecting                    answers | (a plain request does, an event stream does not)
 *                                                               v
 *                                                       connecting (poll)
 *
 * Events that fail three times in a row without a word of the engine are probed too. `stopped` is the end, reached from
 * everywhere by `stop`. From `open (poll)` after five minutes, then after twice as long each time up to an hour, one careful try
 * with events: whatever goes wrong with it in its first minute, it is poll again at once.
 *
 * The network's own word (`online`, `offline`) is a hint: a laptop without a network still reaches an engine on itself. So when
 * it says offline one try is made, and only if that fails the connection rests, with a try now and then.
 */
import type { Problem } from "../protocol/types.ts";
import { backoff_first_ms, backoff_max_ms, backoffMs } from "./backoff.ts";

export type TransportKind = "events" | "poll";
export type PauseReason = "not_leader" | "offline" | "frozen" | "signed_out";

/** What outlives single states. */
export interface Memory {
  readonly transport: TransportKind;
  /** Tries that failed, in a row; a minute of health forgets them. */
  readonly failures: number;
  /** Event streams that died by silence, in a row. */
  readonly silences: number;
  /** How often events were given up for the poll, without a healthy minute of events between. */
  readonly fallbacks: number;
  /** From what the waiting grows: the server's `retry:`, in milliseconds. */
  readonly base: number;
}

export type ConnectionState = { readonly memory: Memory } & (
  | { readonly kind: "paused"; readonly reason: PauseReason }
  /** `careful`: events are tried though they were broken before. */
  | { readonly kind: "connecting"; readonly careful: boolean }
  | { readonly kind: "probing" }
  | { readonly kind: "open"; readonly careful: boolean; readonly since: number }
  | { readonly kind: "waiting"; readonly retryAt: number; readonly cause: string }
  | { readonly kind: "stopped" }
);

export type ConnectionEvent =
  | { readonly kind: "lead" | "step_down" | "stop" | "resume" }
  | { readonly kind: "online" | "offline" | "frozen" }
  /** The page is seen again; nothing came for so long. */
  | { readonly kind: "shown"; readonly quietMs: number }
  /** The first bytes are here. `retryMs`: what the server asked for in front. */
  | { readonly kind: "opened"; readonly retryMs: number | null }
  /** It ended, or broke. `askedMs`: the server said when to come back. */
  | { readonly kind: "lost"; readonly cause: string; readonly askedMs: number | null }
  /** The engine answered, but with a problem. */
  | { readonly kind: "refused"; readonly problem: Problem }
  | { readonly kind: "probed"; readonly answers: boolean }
  /** Timers. `late`: it comes long after its time, so the machine or the page slept. */
  | { readonly kind: "slow" | "due" | "healthy" | "events_again" }
  | { readonly kind: "silent"; readonly late: boolean };

export type TimerKind = Extract<
  ConnectionEvent["kind"],
  "slow" | "due" | "healthy" | "events_again" | "silent"
>;
/** `silent` begins again with each sign of life; the others run once. */
export type Timers = Partial<Record<TimerKind, number>>;
export type Action = "connect" | "disconnect" | "probe" | "tell_signed_out";

export interface Step {
  readonly state: ConnectionState;
  /** In this order. `connect` is by `state.memory.transport`. */
  readonly actions: readonly Action[];
  /** All that run from now on, in milliseconds; null: those that run go on. */
  readonly timers: Timers | null;
}

/** What a step may know beside state and event. */
export interface Moment {
  readonly now: number;
  /** At least 0, below 1. */
  readonly random: number;
  readonly isOnline: boolean;
}

export const slow_ms = 6_000;
/** The engine sends a comment after 15 s of silence. */
export const silent_ms = 25_000;
/** So long may nothing have come when the page is seen again, before the connection is taken for dead. */
export const quiet_when_shown_ms = 17_000;
export const healthy_ms = 60_000;
/** After the first time; each further one waits twice as long, so that a page does not stumble every few minutes. */
export const events_again_ms = 5 * 60_000;
const events_again_max_ms = 60 * 60_000;
const silences_max = 2;
/** So many failures of event streams in a row, and it is asked whether a plain request gets through. */
const failures_until_probe = 3;

export const initialConnection: ConnectionState = {
  kind: "paused",
  reason: "not_leader",
  memory: { transport: "events", failures: 0, silences: 0, fallbacks: 0, base: backoff_first_ms },
};

type StateKind = ConnectionState["kind"];
type EventKind = ConnectionEvent["kind"];
type StateOf<Kind> = Extract<ConnectionState, { kind: Kind }>;
type EventOf<Kind> = Extract<ConnectionEvent, { kind: Kind }>;
type Handler<S, E> = (state: S, event: E, moment: Moment) => Step;
/** Complete by type: a state or an event without its row or column does not compile. */
type Table = {
  readonly [S in StateKind]: { readonly [E in EventKind]: Handler<StateOf<S>, EventOf<E>> };
};

const stay: Handler<ConnectionState, ConnectionEvent> = (state) => ({ state, actions: [], timers: null });

const connect = ({ memory }: ConnectionState): Step => beginWith(memory, false);

function beginWith(memory: Memory, careful: boolean): Step {
  return {
    state: { kind: "connecting", careful, memory },
    actions: ["disconnect", "connect"],
    timers: memory.transport === "events" ? { slow: slow_ms } : {},
  };
}

const beginPoll = (memory: Memory): Step =>
  beginWith({ ...memory, transport: "poll", silences: 0, fallbacks: memory.fallbacks + 1 }, false);

const probe = (memory: Memory): Step => ({
  state: { kind: "probing", memory },
  actions: ["disconnect", "probe"],
  timers: {},
});

const pause =
  (reason: PauseReason): Handler<ConnectionState, ConnectionEvent> =>
  ({ memory }) => ({ state: { kind: "paused", reason, memory }, actions: ["disconnect"], timers: {} });

const stop: Handler<ConnectionState, ConnectionEvent> = ({ memory }) => ({
  state: { kind: "stopped", memory },
  actions: ["disconnect"],
  timers: {},
});

function fail(before: Memory, cause: string, askedMs: number | null, moment: Moment): Step {
  const memory = { ...before, failures: before.failures + 1 };
  const actions = ["disconnect"] as const;
  if (!moment.isOnline) {
    return { state: { kind: "paused", reason: "offline", memory }, actions, timers: { due: backoff_max_ms } };
  }
  const wait = backoffMs(memory.failures, moment.random, askedMs, memory.base);
  const state = { kind: "waiting", retryAt: moment.now + wait, cause, memory } as const;
  return { state, actions, timers: { due: wait } };
}

type Connected = StateOf<"connecting"> | StateOf<"open">;

/** An event stream that did not come, or broke off, and not by a word of the engine: perhaps something on the way does not let it. */
function broken(state: Connected, cause: string, askedMs: number | null, moment: Moment): Step {
  const { memory } = state;
  if (memory.transport === "poll" || !moment.isOnline) return fail(memory, cause, askedMs, moment);
  if (state.careful) return beginPoll(memory);
  const failures = memory.failures + 1;
  return failures < failures_until_probe
    ? fail(memory, cause, askedMs, moment)
    : probe({ ...memory, failures });
}

const lost: Handler<Connected, EventOf<"lost">> = (state, { cause, askedMs }, moment) =>
  askedMs === null ? broken(state, cause, null, moment) : fail(state.memory, cause, askedMs, moment);

const refused: Handler<Connected, EventOf<"refused">> = (state, { problem }, moment) => {
  const { memory } = state;
  const { code, status, detail, retry_after_ms } = problem;
  if (status === 401) {
    return {
      state: { kind: "paused", reason: "signed_out", memory },
      actions: ["disconnect", "tell_signed_out"],
      timers: {},
    };
  }
  // The engine's own refusals (busy, too many streams) say nothing against event streams.
  if (code === "unexpected_reply") return broken(state, detail, retry_after_ms, moment);
  return fail(memory, detail, retry_after_ms, moment);
};

/** The careful try did not work. Otherwise: is it the event stream, or is nothing there at all? */
const slow: Handler<StateOf<"connecting">, EventOf<"slow">> = ({ careful, memory }) => {
  return careful ? beginPoll(memory) : probe(memory);
};

function eventsAgainMs({ fallbacks }: Memory): number {
  return Math.min(events_again_max_ms, events_again_ms * 2 ** Math.min(Math.max(fallbacks - 1, 0), 10));
}

const opened: Handler<StateOf<"connecting">, EventOf<"opened">> = (state, { retryMs }, { now }) => ({
  state: {
    kind: "open",
    careful: state.careful,
    since: now,
    memory: { ...state.memory, base: retryMs ?? state.memory.base },
  },
  actions: [],
  timers:
    state.memory.transport === "events"
      ? { silent: silent_ms, healthy: healthy_ms }
      : { healthy: healthy_ms, events_again: eventsAgainMs(state.memory) },
});

const silent: Handler<StateOf<"open">, EventOf<"silent">> = ({ careful, memory }, { late }, moment) => {
  if (late) return beginWith(memory, careful);
  const silences = memory.silences + 1;
  if (careful || silences >= silences_max) return beginPoll(memory);
  return fail({ ...memory, silences }, "Nothing came for too long.", null, moment);
};

const probed: Handler<StateOf<"probing">, EventOf<"probed">> = ({ memory }, { answers }, moment) =>
  answers ? beginPoll({ ...memory, failures: 0 }) : fail(memory, "The server does not answer.", null, moment);

const shownWhileOpen: Handler<StateOf<"open">, EventOf<"shown">> = (state, event, moment) => {
  const isQuiet = state.memory.transport === "events" && event.quietMs > quiet_when_shown_ms;
  return isQuiet ? beginWith(state.memory, state.careful) : stay(state, event, moment);
};

const healthy: Handler<StateOf<"open">, EventOf<"healthy">> = (state) => ({
  state: {
    ...state,
    careful: false,
    memory: {
      ...state.memory,
      failures: 0,
      silences: 0,
      fallbacks: state.memory.transport === "poll" ? state.memory.fallbacks : 0,
    },
  },
  actions: [],
  timers: null,
});

const eventsAgain: Handler<StateOf<"open">, EventOf<"events_again">> = ({ memory }) =>
  beginWith({ ...memory, transport: "events" }, true);

/** What rests goes on when its reason is gone, or somebody wants it. What was frozen has given up its lead, and waits for `lead`. */
const unless =
  (...reasons: readonly PauseReason[]): Handler<StateOf<"paused">, ConnectionEvent> =>
  (state, event, moment) =>
    reasons.includes(state.reason) ? stay(state, event, moment) : connect(state);

/** What comes in every state but `stopped`. */
const always = { step_down: pause("not_leader"), stop, frozen: pause("frozen") };

/** What a connection says that is not there any more. */
const lateWords = { opened: stay, lost: stay, refused: stay, probed: stay };
const lateTimers = { slow: stay, due: stay, healthy: stay, events_again: stay, silent: stay };

const table: Table = {
  paused: {
    ...always,
    ...lateWords,
    ...lateTimers,
    lead: connect,
    resume: unless("not_leader"),
    online: unless("not_leader", "frozen", "signed_out"),
    shown: unless("not_leader", "frozen", "signed_out"),
    due: unless("not_leader", "frozen", "signed_out"),
    offline: stay,
  },
  connecting: {
    ...always,
    ...lateTimers,
    lead: stay,
    resume: connect,
    online: connect,
    offline: stay,
    shown: stay,
    opened,
    lost,
    refused,
    probed: stay,
    slow,
  },
  probing: {
    ...always,
    ...lateWords,
    ...lateTimers,
    lead: stay,
    resume: connect,
    online: connect,
    offline: stay,
    shown: stay,
    probed,
  },
  open: {
    ...always,
    ...lateTimers,
    lead: stay,
    resume: stay,
    online: stay,
    offline: connect,
    shown: shownWhileOpen,
    opened: stay,
    lost,
    refused,
    probed: stay,
    healthy,
    events_again: eventsAgain,
    silent,
  },
  waiting: {
    ...always,
    ...lateWords,
    ...lateTimers,
    lead: connect,
    resume: connect,
    online: connect,
    offline: connect,
    shown: connect,
    due: connect,
  },
  stopped: {
    ...lateWords,
    ...lateTimers,
    lead: stay,
    step_down: stay,
    stop: stay,
    resume: stay,
    online: stay,
    offline: stay,
    frozen: stay,
    shown: stay,
  },
};

export function nextStep(state: ConnectionState, event: ConnectionEvent, moment: Moment): Step {
  // The table has a handler for exactly this pair; TypeScript cannot see that the two kinds belong together.
  const handler = table[state.kind][event.kind] as Handler<ConnectionState, ConnectionEvent>;
  return handler(state, event, moment);
}
