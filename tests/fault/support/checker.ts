// The invariants of a run (docs/invariants.md says what they are good for), as code. Pure: takes records, returns what is
// wrong; nothing means that everything holds.
//
//   I1 prefix       a client's text is a prefix of what the model sent for that attempt, byte for byte
//   I2 no gap       an index is one higher than the one before; an attempt changes only through a reset
//   I3 one end      one terminal chunk for a task, nothing after it, and all agree on it
//   I4 durability   what was answered 2xx, and what was `done`, is in the database from then on, unchanged
//   I5 one effect   a key starts one answer; no attempt asks the model twice
//   I6 liveness     when all is well again, every task has ended, waits for its time, or gets on
//   I7 bounded      memory and descriptors come back to what they were
//   I8 cancel       after a stop nothing more is seen, the request to the model is closed, and the text is kept
import type { Connection, Records, Reply, Seen, Sent, Snapshot, StoredMessage, StoredTask } from "./records.ts";
import { replay, type Texts, type View } from "./replay.ts";

export type Invariant = "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7" | "I8";

export interface Violation {
  invariant: Invariant;
  task?: string;
  what: string;
}

export interface Patience {
  /** From the end of the last fault to every task getting on again. */
  heal: number;
  /** From the reply to a stop to the end of the request to the model. */
  close: number;
}

const usual: Patience = { heal: 10_000, close: 1_000 };
const open = new Set(["blocked", "delayed", "waiting", "ready", "running"]);

export function check(records: Records, patience: Partial<Patience> = {}): Violation[] {
  const limits = { ...usual, ...patience };
  const run = new Run(records);
  return [
    ...run.clients(), ...run.prefixes(), ...run.ends(), ...run.durability(), ...run.effects(),
    ...liveness(records, limits.heal), ...bounds(records), ...run.stops(limits.close),
  ];
}

/** Records, looked up by task. */
class Run {
  private readonly records: Records;
  private readonly views = new Map<string, View[]>();
  /** Tasks to what they were asked for. */
  private readonly asked = new Map<string, Reply>();
  private readonly last: Snapshot | undefined;
  // The long form has ten thousand answers: each is looked up, none is looked for.
  private readonly sentByKey: Map<string, Sent[]>;
  private readonly questions: Map<string, StoredMessage>;
  private readonly answers: Map<string | null, StoredMessage[]>;
  private readonly tasks: Map<string, StoredTask>;

  constructor(records: Records) {
    this.records = records;
    this.last = records.snapshots.at(-1);
    this.sentByKey = Map.groupBy(records.sent, (one) => one.key);
    const messages = this.last?.messages ?? [];
    // The first of those that ask the same.
    this.questions = new Map(messages.filter((one) => one.role === "user").reverse().map((one) => [one.content, one]));
    this.answers = Map.groupBy(messages, (one) => one.parent);
    this.tasks = new Map((this.last?.tasks ?? []).map((task) => [task.id, task]));
    for (const reply of records.replies) {
      if (reply.task !== undefined && reply.call !== "cancel") this.asked.set(reply.task, reply);
    }
    const connections = new Map<number, Connection>(records.connections.map((one) => [one.number, one]));
    const byClient = Map.groupBy(records.seen, (event) => JSON.stringify([event.client, event.task]));
    for (const events of byClient.values()) {
      const { client, task } = events[0]!;
      const view = replay(client, task, events, connections);
      this.views.set(task, [...(this.views.get(task) ?? []), view]);
    }
  }

  /** I1, I2, I3: what a single client can see. */
  *clients(): Generator<Violation> {
    for (const connection of this.records.connections) {
      if (connection.malformed) yield { invariant: "I1", task: connection.task, what: `${connection.client}: ${connection.malformed}` };
    }
    for (const view of [...this.views.values()].flat()) {
      for (const { invariant, what } of view.broken) yield { invariant, task: view.task, what: `${view.client}: ${what}` };
    }
  }

  /** I1: against what the model sent, and client against client. */
  *prefixes(): Generator<Violation> {
    for (const [task, views] of this.views) {
      const sent = this.sentFor(task);
      const stored = this.storedAnswer(task);
      const attempts = [...new Set(views.flatMap((view) => [...view.attempts.keys()]))].sort((a, b) => (a ?? 1e9) - (b ?? 1e9));
      let earliest = 0;
      for (const attempt of attempts) {
        const texts = views.flatMap((view) => view.attempts.get(attempt) ?? []);
        const longest = texts.reduce((a, b) => (length(b) > length(a) ? b : a));
        for (const view of views) {
          const text = view.attempts.get(attempt);
          if (text && !isPrefix(text, longest)) {
            yield { invariant: "I1", task, what: `${view.client} has another text of attempt ${attempt} than other clients` };
          }
        }
        if (sent === undefined || length(longest) === 0) continue;
        // Requests are in the order of attempts. An attempt that asked nothing repeats the text that was kept.
        const isKept = stored !== undefined && stored.attempt === attempt && stored.status !== "completed";
        const from = attempt === null || isKept ? 0 : earliest;
        const match = sent.findIndex((one, n) => n >= from && isPrefix(longest, { content: one.sent_text, reasoning: one.sent_reasoning }));
        if (match < 0) {
          yield { invariant: "I1", task, what: `the text of attempt ${attempt} is none that the model sent: ${excerpt(longest.content)}` };
        } else if (attempt !== null && !isKept) earliest = match + 1;
      }
    }
  }

  /** I3: one end, on which clients and database agree. */
  *ends(): Generator<Violation> {
    for (const [task, views] of this.views) {
      const ended = views.filter((view) => view.terminal);
      const ends = new Set(ended.map((view) => nameOf(view.terminal!)));
      if (ends.size > 1) yield { invariant: "I3", task, what: `clients saw different ends: ${[...ends].join(", ")}` };
      const stored = this.storedAnswer(task);
      if (stored && ended.length > 0 && isEnded(stored) && !ends.has(nameOfStored(stored))) {
        yield { invariant: "I3", task, what: `clients saw ${[...ends].join()}, the database has ${nameOfStored(stored)}` };
      }
      const texts = new Set(ended.map((view) => JSON.stringify(view.text)));
      if (texts.size > 1) yield { invariant: "I3", task, what: "clients ended with different texts" };
    }
    for (const task of this.last?.tasks ?? []) {
      const message = this.messageOf(this.last!, task.id);
      if (message && isEnded(message) === open.has(task.state)) {
        yield { invariant: "I3", task: task.id, what: `the task is ${task.state}, its message ${message.status}` };
      }
    }
  }

  /** I4. */
  *durability(): Generator<Violation> {
    for (const snapshot of this.records.snapshots) {
      if (snapshot.integrity !== "ok") yield { invariant: "I4", what: `the database is damaged: ${snapshot.integrity}` };
      const tasks = new Set([...snapshot.tasks.map((one) => one.id), ...snapshot.messages.map((one) => one.task)]);
      const texts = new Set(snapshot.messages.filter((one) => one.role === "user").map((one) => one.content));
      for (const reply of this.records.replies) {
        if (!isAccepted(reply) || reply.at > snapshot.at || reply.call === "cancel") continue;
        if (!tasks.has(reply.task!)) yield { invariant: "I4", task: reply.task!, what: "a task that was answered 2xx is gone" };
        if (reply.content !== undefined && !texts.has(reply.content)) {
          yield { invariant: "I4", task: reply.task!, what: "a message that was answered 2xx is gone" };
        }
      }
      for (const [task, views] of this.views) {
        for (const view of views) {
          if (!view.terminal || view.terminal.at > snapshot.at) continue;
          const stored = this.messageOf(snapshot, task);
          if (!stored) yield { invariant: "I4", task, what: `an answer that ${view.client} saw end is gone` };
          else if (!isSame(stored, view.text)) {
            yield {
              invariant: "I4", task,
              what: `the database does not say what ${view.client} saw: ${excerpt(stored.content)} instead of ${excerpt(view.text.content)}`,
            };
          }
        }
      }
    }
    for (const [earlier, later] of pairs(this.records.snapshots)) {
      const now = new Map(later.messages.map((one) => [one.id, one]));
      for (const message of earlier.messages.filter(isEnded)) {
        const then = now.get(message.id);
        if (!then || then.status !== message.status || !isSame(then, message)) {
          yield { invariant: "I4", ...(message.task ? { task: message.task } : {}), what: "an answer that had ended was changed" };
        }
      }
    }
  }

  /** I5. */
  *effects(): Generator<Violation> {
    const accepted = this.records.replies.filter((reply) => isAccepted(reply) && reply.idempotencyKey !== undefined);
    for (const [key, replies] of Map.groupBy(accepted, (reply) => reply.idempotencyKey!)) {
      const tasks = new Set(replies.map((reply) => reply.task));
      if (tasks.size > 1) yield { invariant: "I5", what: `the key ${key} started the tasks ${[...tasks].join(", ")}` };
    }
    if (!this.last) return;
    const stored = this.last.messages.filter((one) => one.role === "user");
    for (const [content, messages] of Map.groupBy(stored, (one) => one.content)) {
      if (messages.length > 1) yield { invariant: "I5", what: `${excerpt(content)} was stored ${messages.length} times` };
    }
    for (const [key, replies] of Map.groupBy(this.records.replies, (reply) => reply.modelKey)) {
      if (key === undefined) continue;
      const tasks = this.tasksOf(replies);
      const calls = (this.sentByKey.get(key) ?? []).length;
      const attempts = tasks.reduce((sum, task) => sum + task.attempt, 0);
      if (calls > attempts) yield { invariant: "I5", ...first(tasks), what: `${calls} requests to the model for ${attempts} attempts` };
      for (const task of tasks) {
        if (task.failures > task.failuresMax) {
          yield { invariant: "I5", task: task.id, what: `${task.failures} failures, ${task.failuresMax} allowed` };
        }
      }
    }
  }

  /** I8. */
  *stops(patience: number): Generator<Violation> {
    for (const stop of this.records.replies) {
      if (stop.call !== "cancel" || stop.status !== 200 || stop.task === undefined) continue;
      const task = stop.task;
      const stored = this.storedAnswer(task);
      if (!stored || !isEnded(stored)) {
        yield { invariant: "I8", task, what: "a stop was answered 200 and the answer has not ended" };
        continue;
      }
      if (stored.status !== "cancelled") continue; // it ended by itself first
      for (const view of this.views.get(task) ?? []) {
        const text = view.attempts.get(stored.attempt) ?? view.text;
        if (!stored.content.startsWith(text.content)) {
          yield { invariant: "I8", task, what: `${view.client} saw text that was not kept` };
        }
      }
      for (const request of this.sentFor(task) ?? []) {
        // What was asked later for another answer to the same question is none of its business.
        if (request.received_at_ms > stop.at && this.isAskedAgain(task)) continue;
        if (!request.finished && (request.closed_at_ms === null || request.closed_at_ms > stop.at + patience)) {
          yield { invariant: "I8", task, what: "the request to the model was still open after the stop" };
        }
      }
    }
    for (const event of this.records.seen) {
      const stored = this.storedAnswer(event.task);
      if (stored?.status !== "cancelled" || event.id === null || event.type !== "content") continue;
      const [attempt, index] = event.id.split("-").map(Number) as [number, number];
      if (attempt > stored.attempt! || (attempt === stored.attempt && index > stored.terminalIndex!)) {
        yield { invariant: "I8", task: event.task, what: `${event.client} saw ${event.id} of an answer that was stopped before` };
      }
    }
  }

  /** What the model sent for a task; undefined: its requests cannot be told from others. */
  private sentFor(task: string): Sent[] | undefined {
    const key = this.asked.get(task)?.modelKey;
    return key === undefined ? undefined : this.sentByKey.get(key) ?? [];
  }

  /** Whether another task shares its requests, by a regenerate. */
  private isAskedAgain(task: string): boolean {
    const key = this.asked.get(task)?.modelKey;
    return [...this.asked].some(([other, reply]) => other !== task && reply.modelKey === key);
  }

  private tasksOf(replies: Reply[]): StoredTask[] {
    const ids = new Set(replies.filter((reply) => reply.call !== "cancel").map((reply) => reply.task));
    // A reply that was lost says no task: the answer is found by its question.
    for (const reply of replies) {
      const question = reply.content === undefined ? undefined : this.questions.get(reply.content);
      for (const one of (question && this.answers.get(question.id)) ?? []) if (one.task) ids.add(one.task);
    }
    return [...ids].flatMap((id) => (id === undefined ? undefined : this.tasks.get(id)) ?? []);
  }

  private storedAnswer(task: string): StoredMessage | undefined {
    return this.last && this.messageOf(this.last, task);
  }

  private readonly indexed = new Map<Snapshot, Map<string | null, StoredMessage>>();
  private messageOf(snapshot: Snapshot, task: string): StoredMessage | undefined {
    let index = this.indexed.get(snapshot);
    if (!index) this.indexed.set(snapshot, (index = new Map(snapshot.messages.map((one) => [one.task, one]))));
    return index.get(task);
  }
}

/** I6: by what the database says when there was time to heal. */
function* liveness(records: Records, heal: number): Generator<Violation> {
  const last = records.snapshots.at(-1);
  if (!last || last.at < records.healedAt + heal) {
    // Too early to say, unless nothing is open.
    if (!last || last.tasks.every((task) => !open.has(task.state))) return;
    yield { invariant: "I6", what: `no snapshot ${heal} ms after the last fault, and there are open tasks` };
    return;
  }
  const before = new Map(records.snapshots.at(-2)?.tasks.map((task) => [task.id, task]));
  const heads = new Set(last.tasks.filter((task) => open.has(task.state) && task.state !== "blocked").map((task) => task.conversation));
  for (const task of last.tasks) {
    const stuck = whyStuck(task);
    if (stuck) yield { invariant: "I6", task: task.id, what: stuck };
  }

  function whyStuck(task: StoredTask): string | undefined {
    switch (task.state) {
      case "blocked":
        return heads.has(task.conversation) ? undefined : "it is blocked by nothing";
      case "delayed":
        return task.runAt + heal < last!.at ? "it was due long ago" : undefined;
      case "ready":
        return task.readyAt! + heal < last!.at ? "it is ready and nobody takes it" : undefined;
      case "running": {
        const lease = task.worker === null ? undefined : last!.leases[task.worker];
        if (lease === undefined || lease < last!.at) return "it is running without a living lease";
        const then = before.get(task.id);
        const isNew = task.startedAt === null || task.startedAt + heal > last!.at;
        if (then?.state === "running" && then.attempt === task.attempt && then.saved === task.saved && !isNew) {
          return "it is running and says nothing";
        }
        return undefined;
      }
      default:
        return undefined;
    }
  }
}

/** I7. */
function* bounds(records: Records): Generator<Violation> {
  for (const gauge of records.gauges) {
    const most = gauge.before + (gauge.allowed ?? gauge.before * 0.05);
    if (gauge.after > most) yield { invariant: "I7", what: `${gauge.what}: ${gauge.after} after, ${gauge.before} before` };
  }
}

function isAccepted(reply: Reply): boolean {
  return reply.status !== null && reply.status >= 200 && reply.status < 300 && reply.task !== undefined;
}

function isEnded(message: StoredMessage): boolean {
  return message.role === "assistant" && message.status !== "queued";
}

function isSame(a: Texts, b: Texts): boolean {
  return a.content === b.content && a.reasoning === b.reasoning;
}

/** Reasoning comes before content, or between its pieces: each is compared for itself. */
function isPrefix(a: Texts, b: Texts): boolean {
  return b.content.startsWith(a.content) && b.reasoning.startsWith(a.reasoning);
}

function length(text: Texts): number {
  return text.content.length + text.reasoning.length;
}

function nameOf(event: Seen): string {
  return `${event.type === "error" ? "error" : event.status} at ${event.id}`;
}

function nameOfStored(message: StoredMessage): string {
  return `${message.status} at ${message.attempt}-${message.terminalIndex}`;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 40)}...${text.slice(-30)}` : text);
}

function first(tasks: StoredTask[]): { task?: string } {
  return tasks[0] ? { task: tasks[0].id } : {};
}

function pairs<T>(all: T[]): [T, T][] {
  return all.slice(1).map((later, n) => [all[n]!, later]);
}
