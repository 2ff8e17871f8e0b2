// Backup and restore of PostgreSQL with the commands of docs/operations.md: what was there when it was made is there again, and what
// ran then is answered anew.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { Cluster } from "./support/cluster.ts";
import { startModel } from "./support/model.ts";
import { until } from "./support/process.ts";

/** A line of the page that begins with these words, typed as it stands. */
function typed(cluster: Cluster, folder: string, begins: string): string {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const command = page.match(new RegExp(`\\b(${begins}[^\`\\n]*)`))?.[1];
  expect(command, `docs/operations.md has a command ${begins}`).toBeDefined();
  const env = { PATH: process.env["PATH"]!, DATABASE_URL: cluster.shared.database, REDIS_URL: cluster.shared.redis.url };
  return execFileSync("bash", ["-euc", command!], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] }).toString();
}

test("what was there when it was made is there again, and what ran then is answered anew", async () => {
  const model = await startModel();
  const cluster = await Cluster.begin({ model: model.base, apis: 1, workers: 1, args: ["--shutdown-grace", "1s"] });
  const folder = mkdtempSync(join(tmpdir(), "throughline-backup-"));
  try {
    const before = await cluster.ask({ tokens: 20 });
    const seen = await cluster.read(before);
    const running = await cluster.ask({ tokens: 400, pace_ms: 20 });
    await until("it runs", async () => (await cluster.apis[0]!.task(running.task)).chunk_count > 5);
    typed(cluster, folder, "pg_dump");
    const after = await cluster.ask({ tokens: 5 });
    await cluster.read(after);
    await cluster.apis[0]!.stop();
    await cluster.workers[0]!.end("SIGTERM");
    typed(cluster, folder, "pg_restore");
    typed(cluster, folder, "redis-cli -u [^ ]+ FLUSHDB");
    await Promise.all([cluster.startApi(0), cluster.startWorker(0)]);
    const api = cluster.apis[0]!;
    expect((await api.message(before.conversation, before.message)).content).toBe(seen.content);
    expect((await api.call("GET", `/tasks/${after.task}`)).status).toBe(404);
    const again = await cluster.read(running);
    expect(again.terminal).toMatchObject({ chunk_type: "done", status: "completed" });
    expect(again.attempt).toBeGreaterThan(1);
    expect(await cluster.compare(running, again, model)).toEqual([]);
    const next = await cluster.ask({ tokens: 5 });
    expect(await cluster.compare(next, await cluster.read(next), model)).toEqual([]);
  } finally {
    await cluster.dispose();
    await model.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
