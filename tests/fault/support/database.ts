// What the database of an engine holds, read beside the running processes or after their end. One source for both databases.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Engine } from "../../system/support/engine.ts";
import { psql } from "../../system/support/servers.ts";
import type { Snapshot, StoredMessage, StoredTask } from "./records.ts";

export interface Database {
  /** Everything in one consistent view. `deep` has the database look for damage as well. */
  snapshot(deep?: boolean): Promise<Snapshot>;
}

const tasks = `
  SELECT t.id, t.message_id AS message, t.conversation_id AS conversation, t.state, t.attempt, t.failures,
    t.failures_max AS "failuresMax", t.worker, t.run_at AS "runAt", t.ready_at AS "readyAt", t.started_at AS "startedAt",
    (SELECT coalesce(sum(length(p.content) + length(p.reasoning)), 0) FROM partials p WHERE p.task_id = t.id) AS saved
  FROM tasks t ORDER BY t.created_at, t.id`;
const messages = `
  SELECT id, conversation_id AS conversation, parent_id AS parent, task_id AS task, role, status, content, reasoning, attempt,
    terminal_index AS "terminalIndex", terminal_type AS "terminalType"
  FROM messages ORDER BY conversation_id, seq`;
const leases = "SELECT id, expires_at FROM workers";

interface Lease {
  id: string;
  expires_at: number;
}

interface Rows {
  tasks: StoredTask[];
  messages: StoredMessage[];
  leases: Lease[];
}

function snapshotOf(at: number, rows: Rows, integrity: string): Snapshot {
  return { at, tasks: rows.tasks, messages: rows.messages, leases: Object.fromEntries(rows.leases.map((one) => [one.id, one.expires_at])), integrity };
}

/** The database file of a data directory. */
export function sqliteFile(dataDir: string): string {
  return join(dataDir, "throughline.db");
}

/** Opens the file for `use`; by default it can only be read. */
export function withSqlite<T>(dataDir: string, use: (db: DatabaseSync) => T, readOnly = true): T {
  const db = new DatabaseSync(sqliteFile(dataDir), { readOnly, timeout: 10_000 });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

export function sqlite(dataDir: string): Database {
  return {
    snapshot: async (deep = false) => withSqlite(dataDir, (db) => {
      const all = <T>(statement: string) => db.prepare(statement).all() as unknown as T[];
      db.exec("BEGIN");
      const rows: Rows = { tasks: all(tasks), messages: all(messages), leases: all(leases) };
      const at = Date.now();
      const integrity = deep ? all<{ integrity_check: string }>("PRAGMA integrity_check").map((row) => row.integrity_check).join("; ") : "ok";
      db.exec("ROLLBACK");
      return snapshotOf(at, rows, integrity);
    }),
  };
}

const schema = "throughline";
const asJson = (statement: string) => `(SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (${statement}) x)`;
/** Each index has exactly the rows of its table, in order. */
const indexes = `SELECT bt_index_check(i.indexrelid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE c.relnamespace = '${schema}'::regnamespace AND c.relkind = 'i'`;

export function postgres(url: string): Database {
  const ask = (text: string) => psql(url, text, `-c search_path=${schema},public`);
  return {
    snapshot: async (deep = false) => {
      // What was answered until now is in it; what is answered while it is read may be.
      const at = Date.now();
      const text = await ask(`SELECT json_build_object('tasks', ${asJson(tasks)}, 'messages', ${asJson(messages)}, 'leases', ${asJson(leases)})`);
      const damage = deep ? await ask(`SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public; ${indexes}`).then(() => "ok", String) : "ok";
      return snapshotOf(at, JSON.parse(text) as Rows, damage);
    },
  };
}

/** Of one process or of many. */
export function databaseOf(engine: Engine): Database {
  return engine.shared ? postgres(engine.shared.database) : sqlite(engine.dataDir);
}

/** The newest migration that was applied. */
export async function newestSchema(engine: Engine): Promise<number> {
  const statement = "SELECT max(version) AS newest FROM schema_migrations";
  if (engine.shared) return Number(await psql(engine.shared.database, statement, `-c search_path=${schema}`));
  return withSqlite(engine.dataDir, (db) => db.prepare(statement).get()!["newest"] as number);
}
