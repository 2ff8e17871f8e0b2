// The statements of workers: leases, partial text, and what an answer is made from.
#pragma once

#include "store/statement.hpp"

namespace throughline::store::statements {

/// What was asked of a worker stays in its row: it is draining from then on. $1 worker, $2 lease
/// ms, $3 host, $4 process, $5 version, $6 queues as JSON, $7 concurrency, $8 started at, $9
/// running, $10 whether it is draining, $11 limits of providers as JSON. Returns now, when the
/// lease before this one ended (0: there was none), and whether it is to drain.
inline constexpr statement renew_lease{"renew_lease", R"(
INSERT INTO workers(id, renewed_at, expires_at, expired_before, host, process, version, queues,
  concurrency, started_at, running, draining, limits)
VALUES($1, now_ms(), now_ms() + CAST($2 AS bigint), 0, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT(id) DO UPDATE SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at,
  expired_before = workers.expires_at, running = excluded.running,
  draining = CASE WHEN workers.draining = 1 THEN 1 ELSE excluded.draining END
RETURNING renewed_at, expired_before, draining,
  CASE WHEN EXISTS(SELECT 1 FROM workers o WHERE o.expires_at <= now_ms() AND EXISTS(
    SELECT 1 FROM tasks t WHERE t.worker = o.id AND t.state = 'running')) THEN 1 ELSE 0 END)"};

/// $1 worker
inline constexpr statement told_to_drain{"told_to_drain", R"(
SELECT draining FROM workers WHERE id = $1)"};

/// $1 worker
inline constexpr statement held_tasks{"held_tasks", R"(
SELECT id, attempt, cancel_requested FROM tasks WHERE worker = $1 AND state = 'running')"};

/// The lanes in which tasks are ready: steps from provider to provider along their index. $1 JSON
/// [{"i": queue}...], $2 most
inline constexpr statement ready_lanes{"ready_lanes", R"(
WITH RECURSIVE j AS MATERIALIZED (SELECT value->>'i' AS queue FROM json_each($1)),
l(queue, provider) AS (
  SELECT j.queue, (SELECT min(t.provider) FROM tasks t
    WHERE t.state = 'ready' AND t.queue = j.queue) FROM j
  UNION ALL
  SELECT l.queue, (SELECT min(t.provider) FROM tasks t
    WHERE t.state = 'ready' AND t.queue = l.queue AND t.provider > l.provider)
  FROM l WHERE l.provider IS NOT NULL)
SELECT l.queue, l.provider FROM l WHERE l.provider IS NOT NULL LIMIT $2)"};

/// $1 worker
inline constexpr statement retire_worker{"retire_worker", R"(
DELETE FROM workers WHERE id = $1
  AND NOT EXISTS(SELECT 1 FROM tasks t WHERE t.worker = workers.id AND t.state = 'running'))"};

/// Where it has left something: its tasks are taken over at once. $1 worker
inline constexpr statement expire_worker{"expire_worker", R"(
UPDATE workers SET expires_at = now_ms() WHERE id = $1)"};

/// Running tasks without a living worker become ready again and keep their slot. Steps from worker
/// to worker along the index of held tasks, so that its cost is the number of workers, not of
/// running tasks. $1 most
inline constexpr statement reap{"reap", R"(
WITH RECURSIVE w(worker) AS (
  SELECT min(t.worker) FROM tasks t WHERE t.state = 'running'
  UNION ALL
  SELECT (SELECT min(t.worker) FROM tasks t WHERE t.state = 'running' AND t.worker > w.worker)
  FROM w WHERE w.worker IS NOT NULL),
p AS MATERIALIZED (
  SELECT t.id FROM tasks t WHERE t.state = 'running' AND t.worker IN (
    SELECT w.worker FROM w WHERE w.worker IS NOT NULL
      AND NOT EXISTS(SELECT 1 FROM workers x WHERE x.id = w.worker AND x.expires_at > now_ms()))
  LIMIT $1 @lock)
UPDATE tasks SET state = 'ready', ready_at = now_ms(), failures = failures + 1,
  error_code = 'worker_lost',
  error_message = 'The worker that wrote this answer stopped.', error_retryable = 1
WHERE id IN (SELECT id FROM p) RETURNING id)"};

/// As keep_attempt, for the tasks that were reaped. $1 JSON [{"i": task}...]
inline constexpr statement keep_lost_attempts{"keep_lost_attempts", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
INSERT INTO attempts(task_id, attempt, worker, started_at, finished_at, error_code, error_message,
  error_retryable)
SELECT t.id, t.attempt, t.worker, COALESCE(t.attempt_started_at, t.started_at), now_ms(),
  t.error_code, t.error_message, t.error_retryable
FROM j CROSS JOIN tasks t WHERE t.id = j.id
ON CONFLICT(task_id, attempt) DO UPDATE SET finished_at = excluded.finished_at,
  error_code = excluded.error_code, error_message = excluded.error_message,
  error_retryable = excluded.error_retryable)"};

inline constexpr statement recover_attempts{"recover_attempts", R"(
INSERT INTO attempts(task_id, attempt, worker, started_at, finished_at)
SELECT t.id, t.attempt, t.worker, COALESCE(t.attempt_started_at, t.started_at), now_ms()
FROM tasks t WHERE t.state = 'running'
ON CONFLICT(task_id, attempt) DO UPDATE SET finished_at = excluded.finished_at)"};

inline constexpr statement recover_tasks{"recover_tasks", R"(
UPDATE tasks SET state = 'ready', ready_at = now_ms() WHERE state = 'running' RETURNING id)"};

inline constexpr statement recover_workers{"recover_workers", R"(
DELETE FROM workers)"};

/// After a cap was set or taken away. $1 whether there is one
inline constexpr statement recover_capped{"recover_capped", R"(
UPDATE tasks SET capped = CAST($1 AS bigint)
WHERE state IN )" STORE_OPEN R"( AND capped <> CAST($1 AS bigint))"};

/// After the cap was lowered: slots beyond it are given back, but by none that runs. $1 cap
inline constexpr statement recover_excess{"recover_excess", R"(
WITH p AS MATERIALIZED (
  SELECT r.id FROM (
    SELECT id, state, row_number() OVER (PARTITION BY owner, queue
      ORDER BY CASE WHEN state = 'running' THEN 0 ELSE 1 END, priority DESC, ready_at, id) AS place
    FROM tasks WHERE state IN ('ready', 'running') AND capped = 1) AS r
  WHERE r.place > CAST($1 AS bigint) AND r.state = 'ready')
UPDATE tasks SET state = 'waiting' WHERE id IN (SELECT id FROM p) AND state = 'ready')"};

/// Whose tasks have not ended.
inline constexpr statement recover_owners{"recover_owners", R"(
SELECT DISTINCT owner FROM tasks WHERE state IN )" STORE_OPEN R"( ORDER BY owner)"};

/// After the cap was raised: who waits.
inline constexpr statement recover_waiting{"recover_waiting", R"(
SELECT DISTINCT owner, queue FROM tasks WHERE state = 'waiting')"};

/// After the cap was taken away: nobody waits.
inline constexpr statement recover_uncapped{"recover_uncapped", R"(
UPDATE tasks SET state = 'ready', ready_at = now_ms() WHERE state = 'waiting')"};

/// $1 task, $2 attempt, $3 worker
inline constexpr statement holds{"holds", R"(
SELECT 1 FROM tasks WHERE id = $1 AND attempt = $2 AND worker || '' = $3 AND state = 'running')"};

/// A piece saved twice (its first reply was lost) may have grown meanwhile: the later one replaces
/// it. The rows of the tasks stay as they are until it is committed, so that an end which comes at
/// the same time finds the text and deletes it; one that is about to end is left out, since waiting
/// for it while it waits for another one of these would be a deadlock. Returns what was saved. $1
/// JSON [{"t": task, "a": attempt, "w": worker, "f": from_index, "c": content, "r": reasoning}...]
inline constexpr statement save_partials{"save_partials", R"(
WITH j AS MATERIALIZED (
  SELECT value->>'t' AS task, CAST(value->>'a' AS bigint) AS attempt, value->>'w' AS worker,
    CAST(value->>'f' AS bigint) AS from_index, value->>'c' AS content, value->>'r' AS reasoning
  FROM json_each($1))
INSERT INTO partials(task_id, attempt, from_index, content, reasoning)
SELECT t.id, t.attempt, j.from_index, j.content, j.reasoning FROM j CROSS JOIN tasks t
WHERE t.id = j.task AND t.attempt = j.attempt AND t.worker || '' = j.worker AND t.state = 'running'
@share
ON CONFLICT(task_id, attempt, from_index) DO UPDATE SET content = excluded.content,
  reasoning = excluded.reasoning RETURNING task_id)"};

/// $1 task
inline constexpr statement read_saved{"read_saved", R"(
SELECT attempt, content, reasoning FROM partials
WHERE task_id = $1 AND attempt = (SELECT max(attempt) FROM partials
  WHERE task_id = $1) ORDER BY from_index)"};

/// The conversation's system prompt, if it has one, and the chain of parents of the answered
/// message, from the question backwards, until the text is longer than $2 characters or $3 turns
/// were seen. No row: the task is gone. $1 task
inline constexpr statement read_context{"read_context", R"(
WITH RECURSIVE chain(parent_id, role, content, place, characters) AS (
  SELECT a.parent_id, CAST('system' AS text), c.system_prompt, 0, 0
  FROM tasks t JOIN messages a ON a.id = t.message_id JOIN conversations c
    ON c.id = t.conversation_id WHERE t.id = $1
  UNION ALL
  SELECT m.parent_id, m.role, m.content, chain.place + 1, chain.characters + length(m.content)
  FROM chain JOIN messages m ON m.id = chain.parent_id
  WHERE chain.characters <= CAST($2 AS bigint) AND chain.place < CAST($3 AS bigint))
SELECT role, content FROM chain ORDER BY place)"};

}  // namespace throughline::store::statements
