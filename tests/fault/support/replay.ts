// What one client made of one answer, event by event, by the rules of docs/protocol.md section 4.3, and what was wrong with it.
// Pure.
import { noPosition } from "../../system/support/stream.ts";
import type { Connection, Seen } from "./records.ts";

export interface Texts {
  content: string;
  reasoning: string;
}

export interface View {
  client: string;
  task: string;
  /** The longest text of each attempt. Text whose attempt the client never learned is under null. */
  attempts: Map<number | null, Texts>;
  terminal: Seen | undefined;
  /** Of the text that stands at the end. */
  text: Texts;
  /** Whether the text that stands at the end came from the database, without ids. */
  isFromStore: boolean;
  /** Broken rules of a single client. */
  broken: { invariant: "I1" | "I2" | "I3"; what: string }[];
}

interface State {
  text: Texts;
  attempt: number;
  index: number;
  /** What follows has no ids until the terminal chunk. */
  unlogged: boolean;
}

const nothing = (): State => ({ text: { content: "", reasoning: "" }, attempt: 0, index: -1, unlogged: false });

/** `seen`: of one client and one task, in the order of arrival. */
export function replay(client: string, task: string, seen: Seen[], connections: Map<number, Connection>): View {
  const view: View = {
    client, task, attempts: new Map(), terminal: undefined, text: nothing().text, isFromStore: false, broken: [],
  };
  let now = nothing();
  let connection = -1;
  const complain = (invariant: "I1" | "I2" | "I3", what: string) => view.broken.push({ invariant, what });

  for (const event of seen) {
    // Text that only grows is looked at once, where it stops growing: long answers have many events.
    if (event.connection !== connection || event.type === "reset" || event.id?.split("-")[0] !== String(now.attempt)) keep();
    if (event.connection !== connection) {
      connection = event.connection;
      // Whoever comes without a position begins with nothing. With one, a text that had no ids begins anew.
      if ((connections.get(connection)?.from ?? null) === null) now = nothing();
    }
    const where = `${event.type} ${event.id ?? "without id"} on connection ${event.connection}`;
    if (view.terminal) complain("I3", `${where} after the end ${view.terminal.id}`);
    if (!event.content.isWellFormed()) complain("I1", `${where} ends inside of a character`);
    if (event.id === null || event.id === noPosition) takeUnlogged(event, where);
    else takeLogged(event, where);
    if (event.type === "reset") now.text = { content: "", reasoning: "" };
    if (event.type === "content") now.text.content += event.content;
    if (event.type === "reasoning") now.text.reasoning += event.content;
    if (event.type === "done" || event.type === "error") view.terminal = event;
  }
  keep();
  view.text = now.text;
  view.isFromStore = now.unlogged;
  return view;

  function takeUnlogged(event: Seen, where: string): void {
    if (event.type === "done" || event.type === "error") complain("I2", `${where}: an end without a position`);
    if ((event.type === "reset") !== (event.id === noPosition)) complain("I2", `${where}: a reset alone makes a position void`);
    if (event.type === "reset") {
      if (event.index !== -1) complain("I2", `${where} has the index ${event.index}`);
      now = { ...nothing(), unlogged: event.reason === "resumed_from_store" };
    } else {
      if (!now.unlogged && now.attempt > 0) complain("I2", `${where} after ${now.attempt}-${now.index}`);
      now.unlogged = true;
    }
  }

  function takeLogged(event: Seen, where: string): void {
    const match = event.id!.match(/^([1-9]\d*)-(\d+)$/);
    if (!match) {
      complain("I2", `${where}: not a position`);
      return;
    }
    const attempt = Number(match[1]);
    const index = Number(match[2]);
    if (index !== event.index) complain("I2", `${where} says index ${event.index}`);
    const isEnd = event.type === "done" || event.type === "error";
    // Whoever has nothing, and whose answer has no text, gets its end alone from the database.
    if (isEnd && now.attempt === 0) now.unlogged = true;
    if (now.unlogged) {
      if (!isEnd) complain("I2", `${where} among text without ids`);
    } else if (attempt < now.attempt) {
      complain("I2", `${where} after attempt ${now.attempt}`);
    } else if (attempt > now.attempt) {
      if (index !== 0) complain("I2", `${where}: attempt ${attempt} does not begin at its start, after ${now.attempt}-${now.index}`);
      const mustReset = attempt > 1 || now.attempt > 0;
      if (mustReset && event.type !== "reset") complain("I2", `${where}: attempt ${attempt} begins without a reset`);
    } else {
      if (index !== now.index + 1) complain("I2", `${where} after ${now.attempt}-${now.index}`);
      if (event.type === "reset") complain("I2", `${where}: a reset inside of an attempt`);
    }
    now.attempt = attempt;
    now.index = index;
  }

  function keep(): void {
    if (now.attempt === 0 && !now.unlogged) return; // nothing has come yet
    const attempt = now.unlogged ? null : now.attempt;
    const longest = view.attempts.get(attempt);
    if (longest && !now.text.content.startsWith(longest.content) && !longest.content.startsWith(now.text.content)) {
      complain("I1", `attempt ${attempt} says two things`);
    }
    if (!longest || now.text.content.length + now.text.reasoning.length >= longest.content.length + longest.reasoning.length) {
      view.attempts.set(attempt, { ...now.text });
    }
  }
}
