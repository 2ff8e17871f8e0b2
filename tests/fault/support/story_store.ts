// Puts what a story says that the database holds into a real one, and reads it from there: so that the checker is known to
// judge rows of either database, not only what a test makes up.
import { startEngine } from "../../system/support/engine.ts";
import { Cluster } from "../../system/support/cluster.ts";
import { psql } from "../../system/support/servers.ts";
import { type Database, postgres, sqlite, withSqlite } from "./database.ts";
import type { Records, Snapshot } from "./records.ts";

export interface StoryStore {
  database: Database;
  /** Runs statements. */
  run(text: string): Promise<void>;
  dispose(): Promise<void>;
}

/** With the tables as the program makes them. */
export async function sqliteStore(): Promise<StoryStore> {
  const engine = await startEngine();
  await engine.stop();
  return {
    database: sqlite(engine.dataDir),
    run: async (text) => withSqlite(engine.dataDir, (db) => db.exec(text), false),
    dispose: () => engine.dispose(),
  };
}

export async function postgresStore(): Promise<StoryStore> {
  const cluster = await Cluster.begin({ model: "http://127.0.0.1:9/v1", apis: 1, workers: 0 });
  await cluster.apis[0]!.stop();
  const url = cluster.shared.database;
  return {
    database: postgres(url),
    run: async (text) => void (await psql(url, text, "-c search_path=throughline")),
    dispose: () => cluster.dispose(),
  };
}

const literal = (value: string | number | null) =>
  value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;

function insert(table: string, row: Record<string, string | number | null>): string {
  return `INSERT INTO ${table}(${Object.keys(row).join(", ")}) VALUES(${Object.values(row).map(literal).join(", ")});`;
}

const ended = new Set(["succeeded", "failed", "cancelled"]);

function statements(told: Snapshot): string {
  const tasks = told.tasks.map((one) => insert("tasks", {
    id: one.id, owner: "local", conversation_id: one.conversation, message_id: one.message, seq: 1, rev: 1, queue: "default", priority: 0,
    state: one.state, run_at: one.runAt, ready_at: one.readyAt, attempt: one.attempt, failures: one.failures, failures_max: one.failuresMax,
    worker: one.worker, created_at: 1, started_at: one.startedAt, finished_at: ended.has(one.state) ? 2 : null,
  }));
  const saved = told.tasks.filter((one) => one.saved > 0).map((one) => insert("partials", {
    task_id: one.id, attempt: one.attempt, from_index: 0, content: "x".repeat(one.saved), reasoning: "",
  }));
  const messages = told.messages.map((one, n) => insert("messages", {
    id: one.id, conversation_id: one.conversation, owner: "local", parent_id: one.parent, seq: n + 1, rev: 1, role: one.role,
    status: one.status, content: one.content, reasoning: one.reasoning, task_id: one.task, attempt: one.attempt,
    terminal_index: one.terminalIndex, terminal_type: one.terminalType, created_at: 1,
  }));
  const leases = Object.entries(told.leases).map(([id, expires_at]) => insert("workers", { id, renewed_at: 1, expires_at, expired_before: 0 }));
  const empty = ["tasks", "messages", "partials", "workers"].map((table) => `DELETE FROM ${table};`);
  return [...empty, ...tasks, ...saved, ...messages, ...leases].join("\n");
}

/** The same records, with snapshots that were read from `store`. */
export async function through(store: StoryStore, records: Records): Promise<Records> {
  const snapshots: Snapshot[] = [];
  for (const told of records.snapshots) {
    await store.run(statements(told));
    const { tasks, messages, leases } = await store.database.snapshot();
    snapshots.push({ ...told, tasks, messages, leases });
  }
  return { ...records, snapshots };
}
