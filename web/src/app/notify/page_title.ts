const product = "Throughline";

/** The title of the tab: `(2) Trains in Norway`. The number is of answers that ended unseen, the dot says one is being written. */
export function pageTitle(page: {
  readonly name: string | null;
  readonly unread: number;
  readonly running: boolean;
}): string {
  const name = page.name === null || page.name.trim() === "" ? product : page.name.trim();
  const badge = page.unread > 0 ? `(${page.unread > 99 ? "99+" : page.unread}) ` : page.running ? "· " : "";
  return `${badge}${name}`;
}
