// The statements of changes_since and snapshot, and of upkeep.
#pragma once

#include "store/statements_reading.hpp"

namespace throughline::store::statements {

/// $1 owner
inline constexpr statement current_rev{"current_rev", R"(
SELECT rev FROM owners WHERE owner = $1)"};

/// The revs of the first rows after a rev. $1 owner, $2 rev, $3 limit
inline constexpr statement next_revs{"next_revs", R"(
SELECT r.rev FROM (
  SELECT * FROM (SELECT rev FROM conversations WHERE owner = $1
    AND rev > CAST($2 AS bigint) ORDER BY rev LIMIT $3) AS a
  UNION ALL
  SELECT * FROM (SELECT rev FROM messages WHERE owner = $1 AND rev > CAST($2 AS bigint)
    ORDER BY rev LIMIT $3) AS b
  UNION ALL
  SELECT * FROM (SELECT rev FROM tasks WHERE owner = $1 AND rev > CAST($2 AS bigint)
    ORDER BY rev LIMIT $3) AS d) AS r
ORDER BY r.rev LIMIT $3)"};

/// How much text the changed messages have. $1 owner, $2 after this rev, $3 up to this one
inline constexpr statement changed_sizes{"changed_sizes", R"(
SELECT rev, length(content) + length(reasoning) FROM messages
WHERE owner = $1 AND rev > CAST($2 AS bigint) AND rev <= CAST($3 AS bigint) ORDER BY rev)"};

/// $1 owner, $2 after this rev, $3 up to this one; hidden conversations too
inline constexpr statement changed_conversations{
    "changed_conversations",
    "SELECT " STORE_CONVERSATION_COLUMNS
    " FROM conversations c WHERE c.owner = $1 AND c.rev > CAST($2 AS bigint) AND "
    "c.rev <= CAST($3 AS bigint) ORDER BY c.rev"};
inline constexpr statement changed_messages{
    "changed_messages", STORE_MESSAGES
    "WHERE m.owner = $1 AND m.rev > CAST($2 AS bigint) AND m.rev <= CAST($3 AS bigint) "
    "AND " STORE_MESSAGE_IS_VISIBLE "ORDER BY m.rev, m.seq"};
inline constexpr statement changed_tasks{"changed_tasks", STORE_TASKS
                                         "WHERE t.owner = $1 AND t.rev > CAST($2 AS bigint) AND "
                                         "t.rev <= CAST($3 AS bigint) AND " STORE_TASK_IS_VISIBLE
                                         "ORDER BY t.rev, t.seq"};

/// The answers of the tasks that have not ended. $1 owner, $2 limit
inline constexpr statement active_messages{
    "active_messages", STORE_MESSAGES
    "WHERE m.id IN (SELECT o.message_id FROM tasks o WHERE o.owner = $1 AND o.state IN " STORE_OPEN
    " ORDER BY o.created_at DESC, o.id DESC LIMIT $2) AND " STORE_MESSAGE_IS_VISIBLE
    "ORDER BY m.rev, m.seq"};

// --- upkeep --------------------------------------------------------------------------------------

/// What has ended long ago was made before: its id says so, for ids begin with their time. $1 age
/// ms, $2 batch, $3 the first id of that time
inline constexpr statement clean_tasks{"clean_tasks",
                                       R"(
WITH p AS MATERIALIZED (
  SELECT id FROM tasks WHERE id < CAST($3 AS text) AND state IN )" STORE_ENDED
                                       R"(
    AND finished_at < now_ms() - CAST($1 AS bigint)
  ORDER BY id LIMIT $2 @lock)
DELETE FROM tasks WHERE id IN (SELECT id FROM p) RETURNING id)"};

/// $1 JSON [{"i": task}...]
inline constexpr statement clean_attempts{"clean_attempts", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
DELETE FROM attempts WHERE task_id IN (SELECT id FROM j))"};
inline constexpr statement clean_partials{"clean_partials", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
DELETE FROM partials WHERE task_id IN (SELECT id FROM j))"};
inline constexpr statement purge_tasks{"purge_tasks", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
DELETE FROM tasks WHERE id IN (SELECT id FROM j))"};

/// $1 age ms, $2 batch
inline constexpr statement clean_keys{"clean_keys", R"(
WITH p AS MATERIALIZED (
  SELECT owner, key FROM idempotency_keys WHERE created_at < now_ms() - CAST($1 AS bigint)
  ORDER BY created_at LIMIT $2 @lock)
DELETE FROM idempotency_keys WHERE (owner, key) IN (SELECT owner, key FROM p))"};

/// Rows of workers that expired long ago; the table has a row per start of a worker process. $1 age
/// ms
inline constexpr statement clean_workers{"clean_workers", R"(
DELETE FROM workers WHERE expires_at < now_ms() - CAST($1 AS bigint)
AND NOT EXISTS(SELECT 1 FROM tasks t WHERE t.worker = workers.id AND t.state = 'running'))"};

/// From here on it cannot be restored. $1 age ms, $2 batch
inline constexpr statement begin_purge{"begin_purge", R"(
WITH p AS MATERIALIZED (
  SELECT c.id FROM conversations c WHERE c.deleted_at IS NOT NULL AND c.emptied = 0
    AND c.purged_at IS NULL
    AND c.deleted_at <= now_ms() - CAST($1 AS bigint)
    AND NOT EXISTS(SELECT 1 FROM tasks t WHERE t.conversation_id = c.id AND t.state IN )" STORE_HEAD
                                                      R"()
  ORDER BY c.deleted_at LIMIT $2 @lock)
UPDATE conversations SET purged_at = now_ms(), title = '', model = NULL, system_prompt = NULL
WHERE id IN (SELECT id FROM p))"};

/// $1 batch
inline constexpr statement purge_messages{"purge_messages", R"(
WITH p AS MATERIALIZED (
  SELECT m.id FROM conversations c CROSS JOIN messages m
  WHERE c.deleted_at IS NOT NULL AND c.emptied = 0 AND c.purged_at IS NOT NULL
    AND m.conversation_id = c.id LIMIT $1)
DELETE FROM messages WHERE id IN (SELECT id FROM p) RETURNING task_id)"};

/// $1 batch
inline constexpr statement end_purge{"end_purge", R"(
WITH p AS MATERIALIZED (
  SELECT c.id FROM conversations c WHERE c.deleted_at IS NOT NULL AND c.emptied = 0
    AND c.purged_at IS NOT NULL
    AND NOT EXISTS(SELECT 1 FROM messages m WHERE m.conversation_id = c.id)
  LIMIT $1 @lock)
UPDATE conversations SET emptied = 1 WHERE id IN (SELECT id FROM p) RETURNING id)"};

/// Of a conversation's open tasks exactly the first is not blocked.
/// By queue and state; how long the oldest has been ready or due, in ms.
inline constexpr statement census{"census", R"(
SELECT queue, state, count(*),
  now_ms() - min(CASE WHEN state = 'ready' THEN ready_at ELSE run_at END)
FROM tasks WHERE state IN )" STORE_OPEN R"( GROUP BY queue, state)"};

inline constexpr statement check_heads{"check_heads", R"(
SELECT count(*) FROM (
  SELECT conversation_id FROM tasks WHERE state IN )" STORE_OPEN R"( GROUP BY conversation_id
  HAVING sum(CASE WHEN state <> 'blocked' THEN 1 ELSE 0 END) <> 1
    OR min(seq) <> min(CASE WHEN state <> 'blocked' THEN seq END)) AS violations)"};

/// No owner holds more slots than its cap. $1 cap
inline constexpr statement check_slots{"check_slots", R"(
SELECT count(*) FROM (
  SELECT owner, queue FROM tasks WHERE state IN ('ready', 'running') AND capped = 1
  GROUP BY owner, queue
  HAVING CAST($1 AS bigint) > 0 AND count(*) > CAST($1 AS bigint)) AS violations)"};

/// Open tasks that do not know whether they count against a cap. $1 whether there is one
inline constexpr statement check_capped{"check_capped", R"(
SELECT count(*) FROM tasks WHERE state IN )" STORE_OPEN R"( AND capped <> CAST($1 AS bigint))"};

/// A task waits only if all slots are taken. $1 cap
inline constexpr statement check_waiting{"check_waiting", R"(
SELECT count(*) FROM (
  SELECT w.owner, w.queue FROM tasks w WHERE w.state = 'waiting' GROUP BY w.owner, w.queue
  HAVING CAST($1 AS bigint) = 0 OR (SELECT count(*) FROM tasks s
    WHERE s.owner = w.owner AND s.queue = w.queue AND s.state IN ('ready', 'running')
      AND s.capped = 1) < CAST($1 AS bigint)) AS violations)"};

}  // namespace throughline::store::statements
