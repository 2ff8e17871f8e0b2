// The statements that move a task from state to state.
#pragma once

#include "store/statement.hpp"

namespace throughline::store::statements {

/// The first lock of every transaction that enqueues, ends, retries, cancels or makes due. $1 owner
inline constexpr statement lock_owner{"lock_owner", R"(
INSERT INTO owners(owner, rev, touched_at) VALUES($1, 1, now_ms())
ON CONFLICT(owner) DO UPDATE SET rev = owners.rev + 1, touched_at = excluded.touched_at
  RETURNING rev)"};

/// The same for whoever runs a task; no row: it does not run it any more. $1 task, $2 attempt, $3
/// worker
inline constexpr statement lock_owner_of{"lock_owner_of", R"(
INSERT INTO owners(owner, rev, touched_at) SELECT t.owner, 1, now_ms() FROM tasks t
WHERE t.id = $1 AND t.attempt = $2 AND t.worker || '' = $3 AND t.state = 'running'
ON CONFLICT(owner) DO UPDATE SET rev = owners.rev + 1, touched_at = excluded.touched_at
  RETURNING rev, owner)"};

/// Gives free slots to the first of those that wait. $1 owner, $2 queue, $3 cap, $4 rev
inline constexpr statement admit{"admit", R"(
WITH p AS MATERIALIZED (
  SELECT w.id FROM tasks w WHERE w.owner = $1 AND w.queue = $2 AND w.state = 'waiting'
  ORDER BY w.priority DESC, w.run_at, w.id
  LIMIT (SELECT CASE WHEN count(*) < CAST($3 AS bigint) THEN CAST($3 AS bigint) - count(*)
                     ELSE 0 END
         FROM tasks s WHERE s.owner = $1 AND s.queue = $2 AND s.state IN ('ready', 'running')
           AND s.capped = 1))
UPDATE tasks SET state = 'ready', ready_at = now_ms(), rev = $4 WHERE id IN (SELECT id FROM p))"};

/// Inserts a task and returns the state it begins in; no row: its owner has too many already.
/// `running`: the worker begins it at once, for nothing is ready in front of it, its queue is not
/// paused, and its owner has a free slot. $1 id, $2 owner, $3 conversation, $4 message, $5 seq, $6
/// rev, $7 queue, $8 priority, $9 model, $10 run_at, $11 failures_max, $12 a worker that has room
/// for it, $13 how many an owner may have running (0: any number, and what is first and due is
/// ready at once), $14 and how many open (0: any number), $15 who is to answer
inline constexpr statement insert_task{"insert_task", R"(
WITH s AS MATERIALIZED (SELECT CASE
  WHEN EXISTS(SELECT 1 FROM tasks h WHERE h.conversation_id = CAST($3 AS text)
              AND h.state IN )" STORE_HEAD R"() THEN 'blocked'
  WHEN CAST($10 AS bigint) > now_ms() THEN 'delayed'
  WHEN CAST($13 AS bigint) > 0 AND CAST($13 AS bigint) <= (SELECT count(*) FROM tasks c
      WHERE c.owner = CAST($2 AS text) AND c.queue = CAST($7 AS text)
        AND c.state IN ('ready', 'running') AND c.capped = 1) THEN 'waiting'
  WHEN CAST($12 AS text) IS NOT NULL AND NOT EXISTS(SELECT 1 FROM tasks r
      WHERE r.state = 'ready' AND r.queue = CAST($7 AS text))
    AND NOT EXISTS(SELECT 1 FROM queues q WHERE q.name = CAST($7 AS text) AND q.paused = 1)
    THEN 'running'
  ELSE 'ready' END AS state)
INSERT INTO tasks(id, owner, conversation_id, message_id, seq, rev, queue, priority, model,
  state, run_at, ready_at, failures_max, created_at, worker, attempt, started_at,
  attempt_started_at, capped, provider)
SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text),
  CAST($5 AS bigint), CAST($6 AS bigint), CAST($7 AS text), CAST($8 AS bigint),
  CAST($9 AS text), s.state,
  CASE WHEN CAST($10 AS bigint) > now_ms() THEN CAST($10 AS bigint) ELSE now_ms() END,
  now_ms(), CAST($11 AS bigint), now_ms(),
  CASE WHEN s.state = 'running' THEN CAST($12 AS text) END,
  CASE WHEN s.state = 'running' THEN 1 ELSE 0 END,
  CASE WHEN s.state = 'running' THEN now_ms() END,
  CASE WHEN s.state = 'running' THEN now_ms() END,
  CASE WHEN CAST($13 AS bigint) > 0 THEN 1 ELSE 0 END, CAST($15 AS text)
FROM s
WHERE CAST($14 AS bigint) = 0 OR CAST($14 AS bigint) > (SELECT count(*) FROM (
  SELECT 1 FROM tasks o WHERE o.owner = CAST($2 AS text) AND o.state IN )" STORE_OPEN R"(
  LIMIT CAST($14 AS bigint)) AS o)
RETURNING state)"};

/// Lets a blocked task go on. $1 task, $2 rev, $3 cap
inline constexpr statement unblock{"unblock", R"(
UPDATE tasks SET
  state = CASE WHEN run_at > now_ms() THEN 'delayed' WHEN CAST($3 AS bigint) = 0 THEN 'ready'
    ELSE 'waiting' END,
  ready_at = now_ms(), rev = $2
WHERE id = $1 AND state = 'blocked' RETURNING queue)"};

/// Keeps a record of the attempt that a task has just come to the end of, before its next one
/// begins. (An attempt that a version before this one began has a record already.) $1 task, $2
/// code, $3 message, $4 retryable
inline constexpr statement keep_attempt{"keep_attempt", R"(
INSERT INTO attempts(task_id, attempt, worker, started_at, finished_at, error_code, error_message,
  error_retryable)
SELECT t.id, t.attempt, t.worker, COALESCE(t.attempt_started_at, t.started_at), now_ms(),
  CAST($2 AS text), CAST($3 AS text), CAST($4 AS bigint)
FROM tasks t WHERE t.id = $1
ON CONFLICT(task_id, attempt) DO UPDATE SET finished_at = excluded.finished_at,
  error_code = excluded.error_code, error_message = excluded.error_message,
  error_retryable = excluded.error_retryable)"};

/// Who runs a task, or ran it last, and what it belongs to. $1 task
inline constexpr statement read_fence{"read_fence", R"(
SELECT owner, state, attempt, worker, cancel_requested, queue, conversation_id, message_id
FROM tasks WHERE id = $1)"};

// What follows from the end of a task: which one of its conversation may go on now, if it was the
// head, and whether others of its owner wait for the slot.
#define STORE_WHAT_FOLLOWS                                                              \
  " RETURNING queue, conversation_id, message_id, "                                     \
  "(SELECT b.id FROM tasks b WHERE b.conversation_id = tasks.conversation_id "          \
  "AND b.state = 'blocked' AND b.id <> tasks.id AND NOT EXISTS(SELECT 1 FROM tasks h "  \
  "WHERE h.conversation_id = tasks.conversation_id AND h.id <> tasks.id AND h.state "   \
  "IN " STORE_HEAD                                                                      \
  ") ORDER BY b.seq LIMIT 1), "                                                         \
  "EXISTS(SELECT 1 FROM tasks w WHERE w.owner = tasks.owner AND w.queue = tasks.queue " \
  "AND w.state = 'waiting')"

/// The failure that ended it counts too, unless the budget was spent before.
/// $1 task, $2 attempt, $3 worker, $4 state, $5 rev, $6 code, $7 message, $8 retryable
inline constexpr statement finish_task{"finish_task", R"(
UPDATE tasks SET state = $4, finished_at = now_ms(), rev = $5,
  failures = CASE WHEN $4 = 'failed' AND failures < failures_max THEN failures + 1
    ELSE failures END,
  error_code = $6, error_message = $7, error_retryable = $8
WHERE id = $1 AND attempt = $2 AND worker || '' = $3 AND state = 'running')" STORE_WHAT_FOLLOWS};

/// Ends a task that nobody runs; the caller has locked its row. $1 task, $2 attempt, $3 state, $4
/// rev, $5 code, $6 message, $7 retryable
inline constexpr statement end_task{"end_task", R"(
UPDATE tasks SET state = $3, attempt = $2, worker = NULL, finished_at = now_ms(), rev = $4,
  error_code = $5, error_message = $6, error_retryable = $7
WHERE id = $1 AND state IN )" STORE_OPEN STORE_WHAT_FOLLOWS};

/// $1 message, $2 status, $3 content, $4 reasoning, $5 model, $6 provider, $7 attempt, $8
/// finish_reason, $9 to $11 usage, $12 ttft, $13 latency, $14 to $16 error, $17 to $20 terminal
/// chunk, $21 rev. Returns whether there is saved text, which is not needed any more.
inline constexpr statement end_message{"end_message", R"(
UPDATE messages SET status = $2, content = $3, reasoning = $4, model = COALESCE($5, model),
  provider = $6, attempt = $7,
  finish_reason = $8, input_tokens = $9, output_tokens = $10, usage_estimated = $11,
    ttft_ms = $12, latency_ms = $13,
  error_code = $14, error_message = $15, error_retryable = $16, terminal_index = $17,
    terminal_type = $18,
  terminal_content = $19, terminal_fields = $20, rev = $21, completed_at = now_ms()
WHERE id = $1 RETURNING EXISTS(SELECT 1 FROM partials p WHERE p.task_id = messages.task_id))"};

/// $1 conversation, $2 rev
inline constexpr statement touch_conversation{"touch_conversation", R"(
UPDATE conversations SET updated_at = now_ms(), rev = $2 WHERE id = $1)"};

/// $1 task
inline constexpr statement delete_partials{"delete_partials", R"(
DELETE FROM partials WHERE task_id = $1)"};

/// running -> delayed, waiting or ready, unless its cancel was requested. $1 task, $2 attempt, $3
/// worker, $4 delay ms, $5 cap, $6 failures to add, $7 code, $8 message, $9 retryable, $10 rev, $11
/// who is to answer, if that is another one than was thought
inline constexpr statement requeue_task{"requeue_task", R"(
UPDATE tasks SET
  state = CASE WHEN CAST($4 AS bigint) > 0 THEN 'delayed' WHEN CAST($5 AS bigint) = 0
    THEN 'ready' ELSE 'waiting' END,
  run_at = now_ms() + CAST($4 AS bigint), ready_at = now_ms(),
    failures = failures + CAST($6 AS bigint), rev = $10,
  error_code = COALESCE($7, error_code), error_message = COALESCE($8, error_message),
  error_retryable = COALESCE($9, error_retryable),
  provider = COALESCE(CAST($11 AS text), provider)
WHERE id = $1 AND attempt = $2 AND worker || '' = $3 AND state = 'running'
  AND cancel_requested = 0 RETURNING queue)"};

/// Whose delayed tasks are due.
inline constexpr statement due_owners{"due_owners", R"(
SELECT DISTINCT d.owner FROM (
  SELECT owner FROM tasks WHERE state = 'delayed' AND run_at <= now_ms() ORDER BY run_at
    LIMIT 1000) AS d)"};

/// $1 owner, $2 rev, $3 cap
inline constexpr statement make_due_of{"make_due_of", R"(
WITH p AS MATERIALIZED (
  SELECT d.id FROM tasks d WHERE d.state = 'delayed' AND d.owner = $1
    AND d.run_at <= now_ms() ORDER BY d.run_at LIMIT 500)
UPDATE tasks SET state = CASE WHEN CAST($3 AS bigint) = 0 THEN 'ready' ELSE 'waiting' END,
  ready_at = now_ms(), rev = $2
WHERE id IN (SELECT id FROM p) RETURNING queue)"};

/// When the first delayed task is due, and whether it is.
inline constexpr statement next_due{"next_due", R"(
SELECT min(run_at), CASE WHEN min(run_at) <= now_ms() THEN 1 ELSE 0 END FROM tasks
WHERE state = 'delayed')"};

/// Marks a task; the row stays locked, so that nobody claims it while the caller decides. $1 task,
/// $2 rev, $3 owner
inline constexpr statement request_cancel{"request_cancel", R"(
UPDATE tasks SET cancel_requested = 1, rev = $2 WHERE id = $1 AND owner = $3
  AND state IN )" STORE_OPEN
                                                            R"(
RETURNING state, attempt, worker, queue, conversation_id, message_id)"};

/// $1 worker
inline constexpr statement worker_is_alive{"worker_is_alive", R"(
SELECT 1 FROM workers WHERE id = $1 AND expires_at > now_ms())"};

}  // namespace throughline::store::statements
