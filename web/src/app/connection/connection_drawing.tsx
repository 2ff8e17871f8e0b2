import type { ConnectionView } from "@throughline/client";
import { connectionLine, type LineKnot, type LineSegment } from "./connection_line.ts";

const width = 480;
const height = 88;
const inset = 12;
const tautY = 30;
const slackY = 64;

const x = (place: number) => inset + place * (width - 2 * inset);

/** A taut piece runs straight; a slack one hangs between where the thread broke and where it was tied again. */
function pathOf({ from, to, taut }: LineSegment): string {
  const a = x(from);
  const b = x(to);
  if (taut) return `M${a} ${tautY}H${b}`;
  const reach = Math.min(28, (b - a) / 2);
  // Up to now it has not been tied again: it hangs to its end.
  const end =
    to === 1 ? `H${b}` : `H${b - reach}C${b - reach / 3} ${slackY} ${b - reach / 2} ${tautY} ${b} ${tautY}`;
  return `M${a} ${tautY}C${a + reach / 2} ${tautY} ${a + reach / 3} ${slackY} ${a + reach} ${slackY}${end}`;
}

/** The connection of this browser as a thread over time, now at its right end. The list below it says the same in words. */
export function ConnectionDrawing({ view, now }: { view: ConnectionView; now: number }) {
  const { segments, knots } = connectionLine(view, now);
  const taut = view.state.kind === "connected";
  return (
    <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true" className="h-auto w-full">
      <path d={`M${inset} ${tautY}H${width - inset}`} stroke="var(--color-line)" strokeWidth="1" />
      {segments.map((segment) => (
        <path
          key={segment.from}
          d={pathOf(segment)}
          fill="none"
          stroke={segment.taut ? "var(--color-thread)" : "var(--color-edge)"}
          strokeWidth="2"
          strokeLinecap="round"
          strokeDasharray={segment.taut ? undefined : "1 6"}
        />
      ))}
      {knots.map((knot) => (
        <Knot key={knot.key} knot={knot} />
      ))}
      <circle
        cx={x(1)}
        cy={taut ? tautY : slackY}
        r="5"
        fill={taut ? "var(--color-thread)" : "var(--color-edge)"}
        className={taut ? "animate-breathe" : undefined}
      />
    </svg>
  );
}

/** Full: an answer went on where it was. Hollow: it began again. Small: everything else. */
function Knot({ knot }: { knot: LineKnot }) {
  const cx = x(knot.at);
  switch (knot.kind) {
    case "resumed":
      return <circle cx={cx} cy={tautY} r="4.5" fill="var(--color-thread)" />;
    case "restarted":
      return (
        <circle
          cx={cx}
          cy={tautY}
          r="4"
          fill="var(--color-surface)"
          stroke="var(--color-warn)"
          strokeWidth="2"
        />
      );
    case "lost":
    case "offline":
      return (
        <circle
          cx={cx}
          cy={tautY}
          r="3"
          fill="var(--color-surface)"
          stroke="var(--color-edge)"
          strokeWidth="2"
        />
      );
    default:
      return <circle cx={cx} cy={tautY} r="2.5" fill="var(--color-thread)" />;
  }
}
