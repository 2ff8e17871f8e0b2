// Runs as the checker is told them: some in which everything is in order, and for each invariant some that break it in one place.
import type { Invariant } from "./checker.ts";
import { noPosition } from "../../system/support/stream.ts";
import { noRecords, type Records, type Seen, type StoredMessage, type StoredTask } from "./records.ts";

const t0 = 1_000_000;

/** One answer of one task, told step by step, as it is seen from all three sides. */
export class Story {
  readonly records: Records = { ...noRecords(), healedAt: t0 };
  private now = t0;
  private connection = 0;
  private readonly open = new Map<string, number>();

  constructor() {
    this.records.replies.push({
      at: this.tick(), sentAt: t0, client: "poster", call: "post", status: 202, idempotencyKey: "key", content: "question",
      modelKey: "k", task: "task", message: "answer",
    });
  }

  tick(by = 1): number {
    return (this.now += by);
  }
  sends(text: string, how: Partial<Records["sent"][number]> = {}): this {
    this.records.sent.push({
      key: "k", sent_text: text, sent_reasoning: "", finished: true, closed_by_client: false, received_at_ms: this.tick(),
      closed_at_ms: this.now, ...how,
    });
    return this;
  }
  attaches(client: string, from: string | null = null): this {
    this.open.set(client, ++this.connection);
    this.records.connections.push({
      at: this.tick(), client, number: this.connection, task: "task", from, status: 200, end: "whole", retry: 1000,
    });
    return this;
  }
  sees(client: string, id: string | null, content: string, more: Partial<Seen> = {}): this {
    if (!this.open.has(client)) this.attaches(client);
    this.records.seen.push({
      at: this.tick(), client, connection: this.open.get(client)!, task: "task", id, type: "content", content,
      index: id === null ? -1 : Number(id.split("-")[1]), bytes: content.length, ...more,
    });
    return this;
  }
  reset(client: string, id: string | null, reason = "worker_lost"): this {
    return this.sees(client, id ?? noPosition, "", { type: "reset", reason, ...(id === null ? { index: -1 } : {}) });
  }
  done(client: string, id: string, status = "completed"): this {
    return this.sees(client, id, "", { type: "done", status });
  }
  failed(client: string, id: string): this {
    return this.sees(client, id, "it failed", { type: "error" });
  }
  stops(status = 200): this {
    this.records.replies.push({ at: this.tick(), sentAt: this.now, client: "stopper", call: "cancel", status, task: "task", state: "cancelled" });
    return this;
  }
  /** The database, a long time later unless told otherwise. */
  stores(content: string, message: Partial<StoredMessage> = {}, task: Partial<StoredTask> = {}, after = 60_000): this {
    this.records.snapshots.push({
      at: this.tick(after),
      integrity: "ok",
      leases: {},
      tasks: [{
        id: "task", message: "answer", conversation: "c", state: "succeeded", attempt: 1, failures: 0, failuresMax: 3, worker: null,
        runAt: t0, readyAt: null, startedAt: t0, saved: 0, ...task,
      }],
      messages: [
        {
          id: "question", conversation: "c", parent: null, task: null, role: "user", status: "completed", content: "question",
          reasoning: "", attempt: null, terminalIndex: null, terminalType: null,
        },
        {
          id: "answer", conversation: "c", parent: "question", task: "task", role: "assistant", status: "completed", content,
          reasoning: "", attempt: 1, terminalIndex: 2, terminalType: "done", ...message,
        },
      ],
    });
    return this;
  }
  stillOpen(task: Partial<StoredTask>, leases: Record<string, number> = {}): this {
    this.stores("", { status: "queued", attempt: null, terminalIndex: null, terminalType: null }, { state: "running", ...task });
    this.records.snapshots.at(-1)!.leases = leases;
    return this;
  }
}

/** Two clients, one of them cut off once, of an answer that just works. */
function orderly(): Story {
  return new Story()
    .sends("Hello")
    .sees("a", "1-0", "Hel").attaches("a", "1-0").sees("a", "1-1", "lo").done("a", "1-2")
    .sees("b", "1-0", "Hel").sees("b", "1-1", "lo").done("b", "1-2")
    .stores("Hello");
}

function stopped(): Story {
  return new Story()
    .sends("Hello", { finished: false, closed_by_client: true })
    .sees("a", "1-0", "Hel").done("a", "1-1", "cancelled").stops()
    .stores("Hel", { status: "cancelled", terminalIndex: 1 }, { state: "cancelled" });
}

const attempt2 = { attempt: 2, terminalIndex: 2 } as const;

export const orderlyRuns: [string, Story][] = [
  ["a plain answer", orderly()],
  ["a stop", stopped()],
  ["a stop, and another answer to the same question that takes its time", (() => {
    const story = stopped();
    story.records.replies.push({ ...story.records.replies[0]!, call: "regenerate", task: "again", idempotencyKey: "another", at: t0 + 60_000 });
    story.records.sent.push({ ...story.records.sent[0]!, received_at_ms: t0 + 60_000, closed_at_ms: t0 + 70_000 });
    const { tasks, messages } = story.records.snapshots[0]!;
    story.records.snapshots[0]!.at += 60_000;
    tasks.push({ ...tasks[0]!, id: "again", message: "other" });
    messages.push({ ...messages[1]!, id: "other", task: "again" });
    return story;
  })()],
  ["a second attempt", new Story()
    .sends("Old text", { finished: false }).sends("New")
    .sees("a", "1-0", "Old").attaches("a", "1-0").reset("a", "2-0").sees("a", "2-1", "New").done("a", "2-2")
    .stores("New", attempt2, { attempt: 2 })],
  ["an attempt that asked the model nothing", new Story()
    .sends("Old", { finished: false })
    .sees("a", "1-0", "Old").reset("a", "2-0").sees("a", "2-1", "Old").failed("a", "2-2")
    .stores("Old", { ...attempt2, status: "error", terminalType: "error" }, { attempt: 2, state: "failed" })],
  ["an attempt whose death nobody saw", new Story()
    .sends("Old", { finished: false }).sends("New").reset("a", "3-0").sees("a", "3-1", "New").done("a", "3-2")
    .stores("New", { ...attempt2, attempt: 3 }, { attempt: 3 })],
  ["an answer from the database, for somebody who had part of it", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").attaches("a", "1-0").reset("a", null, "resumed_from_store")
    .sees("a", null, "Hello").done("a", "1-2").stores("Hello")],
  ["the same, cut off in the middle and begun again", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").attaches("a", "1-0").reset("a", null, "resumed_from_store").sees("a", null, "He")
    .attaches("a", "0-0").reset("a", null, "resumed_from_store").sees("a", null, "Hello").done("a", "1-2").stores("Hello")],
  ["the same, when the log is there again", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").attaches("a", "1-0").reset("a", null, "resumed_from_store")
    .attaches("a", "0-0").reset("a", null, "position_unknown").sees("a", "1-0", "Hel").sees("a", "1-1", "lo").done("a", "1-2").stores("Hello")],
  ["an end without any text, for somebody who comes when the log is gone", new Story()
    .sends("Hel", { finished: false, closed_by_client: true }).stops()
    .done("late", "2-1", "cancelled").stores("", { ...attempt2, status: "cancelled", terminalIndex: 1 }, { attempt: 2, state: "cancelled" })],
  ["a whole text for a position that makes no sense", new Story()
    .sends("Hello").attaches("a", "7-7").reset("a", null, "position_unknown").sees("a", "1-0", "Hel").sees("a", "1-1", "lo")
    .done("a", "1-2").stores("Hello")],
  ["a task that waits for its next try", new Story().stillOpen({ state: "delayed", runAt: t0 + 1e6 })],
  ["a task that runs and gets on", new Story()
    .stillOpen({ worker: "w", saved: 1 }, { w: t0 + 1e9 }).stillOpen({ worker: "w", saved: 2 }, { w: t0 + 1e9 })],
];

export const brokenRuns: [Invariant, string, Story, RegExp][] = [
  ["I1", "text that the model did not send", new Story()
    .sends("Hello").sees("a", "1-0", "Help").done("a", "1-1").stores("Help", { terminalIndex: 1 }), /none that the model sent/],
  ["I1", "two clients with different texts", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").sees("b", "1-0", "Hex").stores("Hello"), /another text of attempt 1/],
  ["I1", "half a character", orderly().sees("c", "1-0", "\ud83d"), /inside of a character/],
  ["I1", "text of the older attempt under a newer one's number", new Story()
    .sends("Old", { finished: false }).sends("New")
    .sees("a", "1-0", "Old").reset("a", "2-0").sees("a", "2-1", "Old").done("a", "2-2")
    .stores("Old", attempt2, { attempt: 2 }), /none that the model sent/],
  ["I2", "a chunk that was left out", orderly().attaches("c").sees("c", "1-1", "lo"), /does not begin at its start/],
  ["I2", "a chunk twice", new Story()
    .sends("HelHel").sees("a", "1-0", "Hel").attaches("a", "1-0").sees("a", "1-0", "Hel").stores("HelHel"), /1-0 .*after 1-0/],
  ["I2", "a gap", new Story().sends("Hello").sees("a", "1-0", "Hel").sees("a", "1-2", "lo").stores("Hello"), /1-2 .*after 1-0/],
  ["I2", "a new attempt without a reset", new Story()
    .sends("Hel").sends("Hel").sees("a", "1-0", "Hel").sees("a", "2-0", "Hel").stores("Hel", attempt2, { attempt: 2 }), /without a reset/],
  ["I2", "a way back to an older attempt", new Story()
    .sends("Old").sends("New").reset("a", "2-0").sees("a", "2-1", "New").sees("a", "1-0", "Old").stores("New", attempt2, { attempt: 2 }),
    /after attempt 2/],
  ["I2", "text without an id in the middle", new Story().sends("Hello").sees("a", "1-0", "Hel").sees("a", null, "lo").stores("Hello"),
    /without id .*after 1-0/],
  ["I2", "a log that goes on where a reset has made the text void", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").attaches("a", "1-0").reset("a", null, "resumed_from_store")
    .attaches("a", "1-0").sees("a", "1-1", "lo").done("a", "1-2").stores("Hello"), /among text without ids/],
  ["I2", "a reset that leaves the position as it was", new Story()
    .sends("Hello").sees("a", "1-0", "Hel").attaches("a", "1-0").sees("a", null, "", { type: "reset", reason: "resumed_from_store" })
    .sees("a", null, "Hello").done("a", "1-2").stores("Hello"), /alone makes a position void/],
  ["I4", "an end alone, of an answer that has text", new Story()
    .sends("Hello").done("late", "1-2").stores("Hello"), /does not say what late saw/],
  ["I3", "two ends", orderly().done("a", "1-3"), /after the end/],
  ["I3", "text after the end", orderly().sees("a", "1-3", "!"), /after the end/],
  ["I3", "two clients with different ends", new Story()
    .sends("Hello").sees("a", "1-0", "Hello").done("a", "1-1").sees("b", "1-0", "Hello").done("b", "1-1", "cancelled")
    .stores("Hello", { terminalIndex: 1 }), /different ends/],
  ["I3", "an end that is not the database's", new Story()
    .sends("Hello").sees("a", "1-0", "Hello").done("a", "1-1")
    .stores("Hello", { status: "error", terminalIndex: 1 }, { state: "failed" }), /the database has error/],
  ["I3", "a task that has ended and a message that has not", orderly().stores("Hello", {}, { state: "running", worker: "w" }),
    /the task is running, its message completed/],
  ["I4", "a post that was answered and is gone", (() => {
    const story = orderly();
    story.records.snapshots[0]!.tasks = [];
    story.records.snapshots[0]!.messages = [];
    return story;
  })(), /gone/],
  ["I4", "an end that was seen before it was stored", new Story()
    .sends("Hello").sees("a", "1-0", "Hello").done("a", "1-1").stores("Hel", { terminalIndex: 1 }), /does not say what a saw/],
  ["I4", "an ended answer that changes", orderly().stores("Hello, changed"), /was changed/],
  ["I4", "a damaged file", (() => {
    const story = orderly();
    story.records.snapshots[0]!.integrity = "row 3 missing from index";
    return story;
  })(), /damaged/],
  ["I5", "one key, two tasks", (() => {
    const story = orderly();
    story.records.replies.push({ ...story.records.replies[0]!, task: "another" });
    return story;
  })(), /started the tasks/],
  ["I5", "one post stored twice", (() => {
    const story = orderly();
    story.records.snapshots[0]!.messages.push({ ...story.records.snapshots[0]!.messages[0]!, id: "again" });
    return story;
  })(), /stored 2 times/],
  ["I5", "two requests to the model for one attempt", orderly().sends("Hello"), /2 requests to the model for 1 attempts/],
  ["I5", "more failures than allowed", new Story().stores("x", {}, { failures: 4 }), /4 failures, 3 allowed/],
  ["I6", "a task that runs without a living lease", new Story().stillOpen({ worker: "w" }, { w: t0 }), /without a living lease/],
  ["I6", "a task that runs and says nothing", new Story()
    .stillOpen({ worker: "w", saved: 5 }, { w: t0 + 1e9 }).stillOpen({ worker: "w", saved: 5 }, { w: t0 + 1e9 }), /says nothing/],
  ["I6", "a ready task that nobody takes", new Story().stillOpen({ state: "ready", readyAt: t0 }), /nobody takes it/],
  ["I6", "a due task that stays where it is", new Story().stillOpen({ state: "delayed", runAt: t0 }), /due long ago/],
  ["I6", "a task that is blocked by nothing", new Story().stillOpen({ state: "blocked" }), /blocked by nothing/],
  ["I6", "a look that comes too early", new Story().stores("", { status: "queued" }, { state: "ready", readyAt: t0 }, 100), /no snapshot/],
  ["I7", "memory that does not come back", (() => {
    const story = orderly();
    story.records.gauges.push({ what: "memory", before: 100, after: 106 });
    return story;
  })(), /106 after, 100 before/],
  ["I8", "text that was shown and not kept", new Story()
    .sends("Hello", { finished: false }).sees("a", "1-0", "Hel").sees("a", "1-1", "lo").done("a", "1-2", "cancelled").stops()
    .stores("Hel", { status: "cancelled" }, { state: "cancelled" }), /not kept/],
  ["I8", "text after the stop", stopped().attaches("b", "1-1").sees("b", "1-2", "lo"), /of an answer that was stopped/],
  ["I8", "a request to the model that goes on", new Story()
    .sends("Hello", { finished: false, closed_at_ms: t0 + 5_000 }).sees("a", "1-0", "Hel").done("a", "1-1", "cancelled").stops()
    .stores("Hel", { status: "cancelled", terminalIndex: 1 }, { state: "cancelled" }), /still open after the stop/],
  ["I8", "a stop that stopped nothing", new Story().stops().stillOpen({ state: "delayed", runAt: t0 + 1e6 }), /has not ended/],
];
