/**
 * The list of conversations cut into days, as people remember them: pinned, today, yesterday, the days before, then months.
 * Pure: takes the clock and the items as the engine orders them, keeps their order.
 */
export type ListLine<Item> =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "item"; readonly item: Item };

const weekDays = 7;

/** Midnight of the day of `time`, by the clock of the reader, `days` earlier: days have 23 to 25 hours. */
function dayStart(time: number, days = 0): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days).getTime();
}

export function dayLabel(time: number, now: number, locale?: string): string {
  if (time >= dayStart(now)) return "Today";
  if (time >= dayStart(now, 1)) return "Yesterday";
  if (time >= dayStart(now, weekDays)) return "Previous 7 days";
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return monthFormat(sameYear, locale).format(time);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs more than using it a thousand times. */
function monthFormat(sameYear: boolean, locale: string | undefined): Intl.DateTimeFormat {
  const key = `${locale}/${sameYear}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(
    locale,
    sameYear ? { month: "long" } : { month: "long", year: "numeric" },
  );
  formats.set(key, made);
  return made;
}

/** Lines to draw: a heading before the first item of each group. An item of the future (another clock) is of today. */
export function groupByDay<Item extends { readonly pinned: boolean; readonly updatedAt: number }>(
  items: readonly Item[],
  now: number,
  locale?: string,
): readonly ListLine<Item>[] {
  const lines: ListLine<Item>[] = [];
  let heading: string | undefined;
  for (const item of items) {
    const text = item.pinned ? "Pinned" : dayLabel(item.updatedAt, now, locale);
    if (text !== heading) {
      heading = text;
      lines.push({ kind: "heading", text });
    }
    lines.push({ kind: "item", item });
  }
  return lines;
}

/** When the labels change next: the coming midnight. */
export function nextMidnight(now: number): number {
  return dayStart(now, -1);
}
