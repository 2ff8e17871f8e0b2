// What a data directory holds, read beside a running engine or after its end.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Snapshot, StoredMessage, StoredTask } from "./records.ts";

const tasks = `
  SELECT t.id, t.message_id AS message, t.conversation_id AS conversation, t.state, t.attempt, t.failures,
    t.failures_max AS failuresMax, t.worker, t.run_at AS runAt, t.ready_at AS readyAt, t.started_at AS startedAt,
    (SELECT coalesce(sum(length(p.content) + length(p.reasoning)), 0) FROM partials p WHERE p.task_id = t.id) AS saved
  FROM tasks t ORDER BY t.created_at, t.id`;
const messages = `
  SELECT id, conversation_id AS conversation, parent_id AS parent, task_id AS task, role, status, content, reasoning, attempt,
    terminal_index AS terminalIndex, terminal_type AS terminalType
  FROM messages ORDER BY conversation_id, seq`;

export function databaseOf(dataDir: string): string {
  return join(dataDir, "throughline.db");
}

/** Opens the file for `use`; by default it can only be read. */
export function withDatabase<T>(dataDir: string, use: (db: DatabaseSync) => T, readOnly = true): T {
  const db = new DatabaseSync(databaseOf(dataDir), { readOnly, timeout: 10_000 });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** Everything in one consistent view. `deep` also checks the file. */
export function snapshotOf(dataDir: string, deep = false): Snapshot {
  return withDatabase(dataDir, (db) => {
    db.exec("BEGIN");
    const leases: Record<string, number> = {};
    for (const row of db.prepare("SELECT id, expires_at FROM workers").all()) {
      leases[row["id"] as string] = row["expires_at"] as number;
    }
    const snapshot: Snapshot = {
      at: Date.now(),
      tasks: db.prepare(tasks).all() as unknown as StoredTask[],
      messages: db.prepare(messages).all() as unknown as StoredMessage[],
      leases,
      integrity: deep ? (db.prepare("PRAGMA integrity_check").all().map((row) => row["integrity_check"]).join("; ")) : "ok",
    };
    db.exec("ROLLBACK");
    return snapshot;
  });
}
