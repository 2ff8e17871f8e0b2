// The statements of store/operations.hpp: workers, queues and tasks as those see them who run the
// system, whoever owns what.
#pragma once

#include "store/statements_reading.hpp"

// What an operator sees of a task beside what its owner sees.
#define STORE_OPERATOR_TASKS                                  \
  "SELECT " STORE_TASK_COLUMNS                                \
  ", t.model, COALESCE(t.attempt_started_at, t.started_at), " \
  "t.worker, t.provider "
#define STORE_WORKERS                                                                         \
  "SELECT id, host, process, version, queues, concurrency, running, started_at, renewed_at, " \
  "expires_at, CASE WHEN expires_at > now_ms() THEN 1 ELSE 0 END, draining, limits FROM workers "

namespace throughline::store::statements {

// --- workers -------------------------------------------------------------------------------------

/// Those that may claim. $1 most
inline constexpr statement living_workers{"living_workers", R"(
SELECT id, queues FROM workers WHERE expires_at > now_ms() AND draining = 0
ORDER BY id DESC LIMIT $1)"};

/// Newest first. $1 id before the page, $2 limit
inline constexpr statement list_workers{
    "list_workers", STORE_WORKERS "WHERE id < CAST($1 AS text) ORDER BY id DESC LIMIT $2"};

/// $1 worker
inline constexpr statement get_worker{"get_worker", STORE_WORKERS "WHERE id = $1"};

/// $1 worker
inline constexpr statement drain_worker{"drain_worker", R"(
UPDATE workers SET draining = 1 WHERE id = $1 RETURNING id)"};

// --- queues --------------------------------------------------------------------------------------

/// $1 queue, $2 whether it is paused
inline constexpr statement set_paused{"set_paused", R"(
INSERT INTO queues(name, paused) VALUES($1, $2)
ON CONFLICT(name) DO UPDATE SET paused = excluded.paused)"};

/// $1 most
inline constexpr statement known_queues{"known_queues", R"(
SELECT name, paused FROM queues ORDER BY name LIMIT $1)"};

/// The queues in which tasks are ready, and since when the next one of each has been. Steps from
/// queue to queue along the index of ready tasks. $1 most
inline constexpr statement next_in_queues{"next_in_queues", R"(
WITH RECURSIVE q(queue) AS (
  SELECT min(t.queue) FROM tasks t WHERE t.state = 'ready'
  UNION ALL
  SELECT (SELECT min(t.queue) FROM tasks t WHERE t.state = 'ready' AND t.queue > q.queue)
  FROM q WHERE q.queue IS NOT NULL)
SELECT q.queue, now_ms() - (SELECT t.ready_at FROM tasks t WHERE t.state = 'ready'
  AND t.queue = q.queue ORDER BY t.priority DESC, t.ready_at, t.id LIMIT 1)
FROM q WHERE q.queue IS NOT NULL LIMIT $1)"};

// --- tasks ---------------------------------------------------------------------------------------

/// The longest first. $1 start and $2 id before the page, $3 limit
inline constexpr statement running_tasks{"running_tasks", R"(
WITH p AS MATERIALIZED (
  SELECT r.id, COALESCE(r.attempt_started_at, r.started_at, 0) AS began FROM tasks r
  WHERE r.state = 'running' AND r.worker > ''
    AND COALESCE(r.attempt_started_at, r.started_at, 0) >= CAST($1 AS bigint)
    AND (COALESCE(r.attempt_started_at, r.started_at, 0) > CAST($1 AS bigint)
      OR r.id > CAST($2 AS text))
  ORDER BY 2, 1 LIMIT $3)
)" STORE_OPERATOR_TASKS "FROM p CROSS JOIN tasks t WHERE t.id = p.id ORDER BY p.began, p.id"};

/// The next to be due first. $1 due time and $2 id before the page, $3 limit
inline constexpr statement delayed_tasks{
    "delayed_tasks", STORE_OPERATOR_TASKS
    "FROM tasks t WHERE t.state = 'delayed' AND t.run_at >= CAST($1 AS bigint) "
    "AND (t.run_at > CAST($1 AS bigint) OR t.id > CAST($2 AS text)) "
    "ORDER BY t.run_at, t.id LIMIT $3"};

/// Newest first. $1 end and $2 id before the page, $3 limit
inline constexpr statement failed_tasks{
    "failed_tasks", STORE_OPERATOR_TASKS
    "FROM tasks t WHERE t.state = 'failed' AND t.finished_at <= CAST($1 AS bigint) "
    "AND (t.finished_at < CAST($1 AS bigint) OR t.id < CAST($2 AS text)) "
    "ORDER BY t.finished_at DESC, t.id DESC LIMIT $3"};

/// $1 task
inline constexpr statement any_task{"any_task",
                                    STORE_OPERATOR_TASKS "FROM tasks t WHERE t.id = $1"};

/// What is left of a task that was cleaned away. $1 task
inline constexpr statement any_cleaned_task{"any_cleaned_task", R"(
SELECT m.task_id, m.id, m.conversation_id, m.owner, m.status, m.attempt, m.created_at,
  m.completed_at, m.error_code, m.error_message, m.error_retryable, m.rev, m.model
FROM messages m WHERE m.task_id = $1)"};

/// $1 task
inline constexpr statement owner_of_task{"owner_of_task", R"(
SELECT m.owner FROM messages m WHERE m.task_id = $1)"};

inline constexpr statement installation{"installation", "SELECT id FROM installation"};

/// How the tasks that were made last have ended: by state how many there are, and how many ended in
/// the last minute, hour and day. $1 the first id to look at, $2 most
inline constexpr statement newest_endings{"newest_endings", R"(
WITH p AS MATERIALIZED (
  SELECT t.state, t.finished_at FROM tasks t WHERE t.id >= CAST($1 AS text)
  ORDER BY t.id DESC LIMIT $2)
SELECT p.state, count(*),
  sum(CASE WHEN p.finished_at > now_ms() - 60000 THEN 1 ELSE 0 END),
  sum(CASE WHEN p.finished_at > now_ms() - 3600000 THEN 1 ELSE 0 END),
  sum(CASE WHEN p.finished_at > now_ms() - 86400000 THEN 1 ELSE 0 END)
FROM p GROUP BY p.state)"};

}  // namespace throughline::store::statements
