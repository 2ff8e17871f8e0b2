/**
 * The connection as a line over time: taut while there was one, slack while there was none, with a knot for each thing that
 * happened. Pure: from the notes to places between 0 (the oldest) and 1 (now).
 */
import type { ConnectionNote, ConnectionView } from "@throughline/client";

export interface LineSegment {
  readonly from: number;
  readonly to: number;
  /** There was a connection. */
  readonly taut: boolean;
}
export interface LineKnot {
  /** Of this knot among all: several may share a moment. */
  readonly key: string;
  readonly at: number;
  readonly kind: ConnectionNote["kind"];
}
export interface ConnectionLine {
  readonly segments: readonly LineSegment[];
  readonly knots: readonly LineKnot[];
}

/** What a note says about the line after it; undefined: nothing. */
function tautAfter(note: ConnectionNote): boolean | undefined {
  switch (note.kind) {
    case "lost":
    case "offline":
      return false;
    case "connected":
    case "synchronised":
    case "resumed":
    case "back_to_events":
      return true;
    default:
      return undefined;
  }
}

/** The last minute takes as much room as what was long ago: what just happened is what one wants to see. */
const recent = 20_000;

/**
 * @param now milliseconds of `Date.now()`. Without notes there is one segment, of the state as it is.
 */
export function connectionLine(view: Pick<ConnectionView, "state" | "history">, now: number): ConnectionLine {
  const connected = view.state.kind === "connected";
  const notes = view.history.toReversed();
  const first = notes[0];
  if (first === undefined) return { segments: [{ from: 0, to: 1, taut: connected }], knots: [] };

  const span = Math.log1p(Math.max(now - first.at, 1) / recent);
  // A little room before the oldest note and after the newest, so that no knot is cut and now has a place of its own.
  const place = (time: number) =>
    0.98 - 0.94 * Math.min(1, Math.log1p(Math.max(now - time, 0) / recent) / span);

  const segments: LineSegment[] = [];
  let from = 0;
  let taut = tautAfter(first) === false;
  for (const note of notes) {
    const after = tautAfter(note) ?? taut;
    if (after === taut) continue;
    const to = place(note.at);
    if (to > from) segments.push({ from, to, taut });
    from = to;
    taut = after;
  }
  // What holds now is known better from the state than from the last note: notes end at 50.
  segments.push({ from, to: 1, taut: connected });
  const knots = notes.map((note, index) => ({
    key: `${note.at} ${index}`,
    at: place(note.at),
    kind: note.kind,
  }));
  return { segments, knots };
}
