import { describe, expect, it } from "vitest";
import { dayLabel, groupByDay, nextMidnight } from "./day_groups.ts";

const now = new Date(2026, 10, 26, 15, 0).getTime();
const at = (month: number, day: number, hour = 12, year = 2026) =>
  new Date(year, month - 1, day, hour).getTime();
const label = (time: number) => dayLabel(time, now, "en");

describe("dayLabel", () => {
  it("changes at midnight, not after 24 hours", () => {
    expect(label(at(11, 26, 0))).toBe("Today");
    expect(label(at(11, 26, 0) - 1)).toBe("Yesterday");
    expect(label(at(11, 25, 0))).toBe("Yesterday");
    expect(label(at(11, 25, 0) - 1)).toBe("Previous 7 days");
    expect(label(at(11, 19, 0))).toBe("Previous 7 days");
    expect(label(at(11, 19, 0) - 1)).toBe("November");
  });

  it("names months, and their year when it is another one", () => {
    expect(label(at(3, 3))).toBe("March");
    expect(label(at(12, 31, 23, 2025))).toBe("December 2025");
  });

  it("takes what a clock ahead of ours says for today", () => {
    expect(label(now + 86_400_000)).toBe("Today");
  });
});

describe("groupByDay", () => {
  const item = (id: string, updatedAt: number, pinned = false) => ({ id, updatedAt, pinned });

  it("puts one heading before each group and keeps the order", () => {
    const lines = groupByDay(
      [
        item("a", at(1, 1), true),
        item("b", now),
        item("c", now - 1),
        item("d", at(11, 25)),
        item("e", at(2, 2)),
      ],
      now,
      "en",
    );
    expect(lines.map((line) => (line.kind === "heading" ? `# ${line.text}` : line.item.id))).toEqual([
      "# Pinned",
      "a",
      "# Today",
      "b",
      "c",
      "# Yesterday",
      "d",
      "# February",
      "e",
    ]);
  });

  it("has nothing for nothing", () => {
    expect(groupByDay([], now)).toEqual([]);
  });

  it("groups a thousand in a moment", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => item(`${index}`, now - index * 3_600_000));
    const lines = groupByDay(many, now, "en");
    expect(lines.filter((line) => line.kind === "item")).toHaveLength(1_000);
  });
});

it("knows the coming midnight", () => {
  expect(nextMidnight(now)).toBe(at(11, 27, 0));
});
