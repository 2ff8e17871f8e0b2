import { describe, expect, it } from "vitest";
import { connectionLine } from "./connection_line.ts";

const now = 1_000_000;
const up = { kind: "connected", since: now - 1_000 } as const;
const down = { kind: "offline" } as const;

describe("connectionLine", () => {
  it("is one piece as long as nothing happened", () => {
    expect(connectionLine({ state: up, history: [] }, now).segments).toEqual([
      { from: 0, to: 1, taut: true },
    ]);
  });

  it("is slack from a loss to the next connection", () => {
    const line = connectionLine(
      {
        state: up,
        history: [
          { at: now - 1_000, kind: "resumed", conversationId: "a", chunk: 42 },
          { at: now - 1_000, kind: "connected" },
          { at: now - 30_000, kind: "lost", cause: "no reply" },
          { at: now - 90_000, kind: "connected" },
        ],
      },
      now,
    );
    expect(line.segments.map((segment) => segment.taut)).toEqual([false, true, false, true]);
    expect(line.knots.map((knot) => knot.kind)).toEqual(["connected", "lost", "connected", "resumed"]);
  });

  it("has no holes and stays inside", () => {
    const history = Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0
        ? ({ at: now - index * 7_000, kind: "connected" } as const)
        : ({ at: now - index * 7_000, kind: "lost", cause: "" } as const),
    );
    const { segments, knots } = connectionLine({ state: up, history }, now);
    expect(segments[0]?.from).toBe(0);
    expect(segments.at(-1)?.to).toBe(1);
    for (const [index, segment] of segments.entries()) {
      expect(segment.to).toBeGreaterThan(segment.from);
      if (index > 0) expect(segment.from).toBe(segments[index - 1]?.to);
    }
    for (const knot of knots) expect(knot.at > 0 && knot.at <= 1).toBe(true);
  });

  it("ends as the connection is", () => {
    const line = connectionLine({ state: down, history: [{ at: now - 5, kind: "connected" }] }, now);
    expect(line.segments.at(-1)?.taut).toBe(false);
  });
});
