// What a process owes to others before it ends on SIGTERM.
import { setTimeout as sleep } from "node:timers/promises";
import { slowness } from "../../system/support/process.ts";
import type { Connection, Records } from "./records.ts";
import type { Tally } from "./rows.ts";

export interface Said {
  askedAt: number;
  status: number;
}

/** Asks /readyz until the process is gone; what it said, in order. */
export async function watchReadiness(url: string, until: Promise<unknown>): Promise<Said[]> {
  let gone = false;
  void until.then(() => (gone = true));
  const said: Said[] = [];
  while (!gone) {
    const askedAt = Date.now();
    const reply = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000 * slowness) }).catch(() => undefined);
    if (reply) {
      said.push({ askedAt, status: reply.status });
      await reply.body?.cancel();
    }
    await sleep(2);
  }
  return said;
}

/** Streams that were open when the signal came, or were opened while the process went down; how many were told to come back. */
export function judgeStreams(records: Records, connections: Connection[], said: Said[], tally: Tally): number {
  const ended = new Set(
    records.seen.filter((event) => event.type === "done" || event.type === "error").map((event) => event.connection),
  );
  let told = 0;
  let goodbyeAt = Infinity;
  for (const connection of connections) {
    if (connection.status !== 200 || connection.end === "left" || ended.has(connection.number)) continue;
    if (connection.end === "broken") tally.violations.push(`the stream of ${connection.client} broke instead of ending`);
    // Every stream begins with `retry: 1000`; a goodbye has a pause of its own, so that not all come back at once.
    if (connection.retry === null || connection.retry < 1000 || connection.retry > 5000) {
      tally.violations.push(`the stream of ${connection.client} ended with retry ${connection.retry}`);
    }
    if (connection.retry !== 1000) told++;
    goodbyeAt = Math.min(goodbyeAt, connection.endedAt!);
  }
  if (said.some((one) => one.askedAt > goodbyeAt && one.status === 200)) {
    tally.violations.push("/readyz said 200 after a stream had been told to come back");
  }
  return told;
}

/** Posts that met a process which was going down. */
export function judgePosts(records: Records, tally: Tally): string {
  const posts = records.replies.filter((reply) => reply.call === "post");
  for (const reply of posts) {
    if (reply.status === 503 && !reply.retryAfter) tally.violations.push("a 503 without Retry-After");
  }
  return `${posts.filter((one) => one.status === 503).length} posts were told to come back and then taken, ` +
    `${posts.filter((one) => one.status === null).length} found nobody and were repeated`;
}
