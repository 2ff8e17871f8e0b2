import { expect, test } from "vitest";
import {
  type ConnectionEvent,
  type ConnectionState,
  events_again_ms,
  initialConnection,
  type Moment,
  nextStep,
  type Step,
} from "./connection_state.ts";
import { statusOf } from "./feed_status.ts";

const online: Moment = { now: 1_000, random: 0.5, isOnline: true };
const offline: Moment = { ...online, isOnline: false };
const { memory } = initialConnection;
const problem = {
  code: "x",
  status: 503,
  title: "",
  detail: "Busy.",
  request_id: null,
  retry_after_ms: 7_000,
};

const states: ConnectionState[] = [
  initialConnection,
  { kind: "paused", reason: "offline", memory },
  { kind: "paused", reason: "frozen", memory },
  { kind: "paused", reason: "signed_out", memory },
  { kind: "connecting", careful: false, memory },
  { kind: "connecting", careful: true, memory },
  { kind: "probing", memory },
  { kind: "open", careful: false, since: 1, memory },
  { kind: "open", careful: false, since: 1, memory: { ...memory, transport: "poll" } },
  { kind: "waiting", retryAt: 2_000, cause: "x", memory },
  { kind: "stopped", memory },
];
const simple = ["lead", "step_down", "stop", "resume", "online", "offline", "frozen"] as const;
const timers = ["slow", "due", "healthy", "events_again"] as const;
const events: ConnectionEvent[] = [
  ...[...simple, ...timers].map((kind) => ({ kind })),
  { kind: "shown", quietMs: 0 },
  { kind: "shown", quietMs: 60_000 },
  { kind: "opened", retryMs: 2_000 },
  { kind: "lost", cause: "x", askedMs: null },
  { kind: "refused", problem },
  { kind: "refused", problem: { ...problem, status: 401 } },
  { kind: "probed", answers: true },
  { kind: "probed", answers: false },
  { kind: "silent", late: false },
  { kind: "silent", late: true },
];

/** What holds for a step, whatever it is. */
function checkStep(before: ConnectionState, { state, actions, timers: left }: Step): void {
  const mayConnect = state.kind === "connecting" || state.kind === "open";
  if (!mayConnect && state !== before) expect(actions).toContain("disconnect");
  if (actions.includes("connect")) expect(actions.indexOf("disconnect")).toBe(0);
  if (state.kind !== before.kind) expect(left).not.toBeNull();
  if (state.kind === "waiting") expect(left ?? { due: 1 }).toHaveProperty("due");
  if (state.kind === "paused" && state.reason !== "offline") expect(left ?? {}).toEqual({});
}

test("every event is handled in every state, and no state is left alone", () => {
  for (const moment of [online, offline]) {
    for (const state of states) {
      for (const event of events) checkStep(state, nextStep(state, event, moment));
    }
  }
});

function run(from: ConnectionState, happened: readonly ConnectionEvent[], moment = online): Step {
  let step: Step = { state: from, actions: [], timers: null };
  for (const event of happened) step = nextStep(step.state, event, moment);
  return step;
}

const lead: ConnectionEvent = { kind: "lead" };
const opened: ConnectionEvent = { kind: "opened", retryMs: null };
const silent: ConnectionEvent = { kind: "silent", late: false };
const due: ConnectionEvent = { kind: "due" };

test("it leads, connects, opens, and is healthy after a minute", () => {
  const lost: ConnectionEvent = { kind: "lost", cause: "x", askedMs: null };
  expect(run(initialConnection, [lead]).actions).toEqual(["disconnect", "connect"]);
  expect(run(initialConnection, [lead, opened]).state).toMatchObject({ kind: "open", since: 1_000 });
  const { state } = run(initialConnection, [lead, lost, due, lost, due, opened]);
  expect(state.memory.failures).toBe(2);
  expect(nextStep(state, { kind: "healthy" }, online).state.memory.failures).toBe(0);
});

test("what the server asks for is waited for", () => {
  const asked: ConnectionEvent = { kind: "lost", cause: "x", askedMs: 4_000 };
  expect(run(initialConnection, [lead, opened, asked]).timers).toEqual({ due: 4_200 });
  expect(run(initialConnection, [lead, { kind: "refused", problem }]).timers).toEqual({ due: 7_350 });
  const lost: ConnectionEvent = { kind: "lost", cause: "x", askedMs: null };
  const longer: ConnectionEvent = { kind: "opened", retryMs: 3_000 };
  expect(run(initialConnection, [lead, longer, lost]).timers).toEqual({ due: 1_500 });
});

test.each(["online", "shown", "resume"] as const)("%s ends the waiting at once", (kind) => {
  const event: ConnectionEvent = kind === "shown" ? { kind, quietMs: 0 } : { kind };
  const waiting = run(initialConnection, [lead, { kind: "lost", cause: "x", askedMs: null }]);
  expect(waiting.state.kind).toBe("waiting");
  expect(nextStep(waiting.state, event, online).actions).toContain("connect");
});

test("events that do not come while a plain request does are polled for", () => {
  const slow = run(initialConnection, [lead, { kind: "slow" }]);
  expect(slow.actions).toEqual(["disconnect", "probe"]);
  const { state } = nextStep(slow.state, { kind: "probed", answers: true }, online);
  expect(state).toMatchObject({ kind: "connecting", memory: { transport: "poll" } });
  expect(nextStep(slow.state, { kind: "probed", answers: false }, online).state.kind).toBe("waiting");
});

test("an event stream that dies by silence twice is polled for", () => {
  const once = run(initialConnection, [lead, opened, silent]);
  expect(once.state).toMatchObject({ kind: "waiting", memory: { transport: "events" } });
  const twice = run(once.state, [due, opened, silent]);
  expect(twice.state).toMatchObject({ kind: "connecting", memory: { transport: "poll" } });
  const healed = run(once.state, [due, opened, { kind: "healthy" }, silent]);
  expect(healed.state.memory.transport).toBe("events");
});

test("who slept was not silent", () => {
  const woken: ConnectionEvent = { kind: "silent", late: true };
  const { state, actions } = run(initialConnection, [lead, opened, woken]);
  expect(actions).toContain("connect");
  expect(state.memory.silences).toBe(0);
});

test("from the poll events are tried again, carefully", () => {
  const polling = run(initialConnection, [lead, { kind: "slow" }, { kind: "probed", answers: true }, opened]);
  expect(polling.timers).toMatchObject({ events_again: events_again_ms });
  const trying = nextStep(polling.state, { kind: "events_again" }, online);
  expect(trying.state).toMatchObject({ kind: "connecting", careful: true, memory: { transport: "events" } });
  expect(nextStep(trying.state, { kind: "slow" }, online).state.memory.transport).toBe("poll");
  expect(run(trying.state, [opened, silent]).state.memory.transport).toBe("poll");
  expect(run(trying.state, [opened, { kind: "healthy" }, silent]).state.memory.transport).toBe("events");
});

const mangled: ConnectionEvent = {
  kind: "refused",
  problem: { ...problem, code: "unexpected_reply", status: 200 },
};
const cut: ConnectionEvent = { kind: "lost", cause: "x", askedMs: null };

test.each([
  ["mangled on the way", [mangled, due, mangled, due, mangled]],
  ["cut on the way", [opened, cut, due, opened, cut, due, opened, cut]],
])("event streams that are %s again and again are probed, then polled for", (_, happened) => {
  const { state, actions } = run(initialConnection, [lead, ...happened]);
  expect([state.kind, actions]).toEqual(["probing", ["disconnect", "probe"]]);
  const polling = nextStep(state, { kind: "probed", answers: true }, online).state;
  expect(polling).toMatchObject({ kind: "connecting", memory: { transport: "poll" } });
  expect(nextStep(state, { kind: "probed", answers: false }, online).state).toMatchObject({
    kind: "waiting",
  });
});

test("a server that is busy, or says goodbye, is no network that breaks streams", () => {
  const busy: ConnectionEvent = { kind: "refused", problem };
  const goodbye: ConnectionEvent = { kind: "lost", cause: "x", askedMs: 1_000 };
  for (const event of [busy, goodbye]) {
    const happened = Array.from({ length: 5 }, () => [event, due]).flat();
    expect(run(initialConnection, [lead, ...happened]).state).toMatchObject({
      kind: "connecting",
      memory: { transport: "events", failures: 5 },
    });
  }
});

test("a careful try that fails is poll again, and the next one comes later; nobody is shown any of it", () => {
  const polling = run(initialConnection, [lead, { kind: "slow" }, { kind: "probed", answers: true }, opened]);
  const again: ConnectionEvent = { kind: "events_again" };
  for (const wrong of [{ kind: "slow" } as const, mangled, cut]) {
    const back = run(polling.state, [again, wrong, opened]);
    expect(back.state).toMatchObject({ kind: "open", memory: { transport: "poll" } });
    expect(back.timers).toMatchObject({ events_again: 2 * events_again_ms });
  }
  expect(statusOf(run(polling.state, [again, opened]).state, "leader").transport).toBe("poll");
  const healed = run(polling.state, [again, opened, { kind: "healthy" }]).state;
  expect(statusOf(healed, "leader").transport).toBe("events");
  let often = polling;
  for (let time = 0; time < 12; time++) often = run(often.state, [again, cut, opened]);
  expect(often.timers).toMatchObject({ events_again: 60 * 60_000 });
});

test("signed out rests until somebody resumes", () => {
  const out = run(initialConnection, [lead, { kind: "refused", problem: { ...problem, status: 401 } }]);
  expect(out.state).toMatchObject({ kind: "paused", reason: "signed_out" });
  expect(out.actions).toEqual(["disconnect", "tell_signed_out"]);
  for (const kind of ["online", "due"] as const) {
    expect(nextStep(out.state, { kind }, online).state).toBe(out.state);
  }
  expect(nextStep(out.state, { kind: "resume" }, online).actions).toContain("connect");
});

test("without a network one try is made, then it rests", () => {
  const { state, actions } = run(initialConnection, [lead, opened, { kind: "offline" }], offline);
  expect(state.kind).toBe("connecting");
  expect(actions).toContain("connect");
  const resting = nextStep(state, { kind: "lost", cause: "x", askedMs: null }, offline);
  expect(resting.state).toMatchObject({ kind: "paused", reason: "offline" });
  expect(nextStep(resting.state, { kind: "online" }, online).actions).toContain("connect");
});

test("who does not lead does not connect", () => {
  const away = run(initialConnection, [lead, opened, { kind: "step_down" }]);
  expect(away.actions).toEqual(["disconnect"]);
  for (const event of events) {
    if (event.kind === "lead") continue;
    expect(nextStep(away.state, event, online).actions).not.toContain("connect");
  }
});
