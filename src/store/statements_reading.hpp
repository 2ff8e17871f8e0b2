// The statements that read and edit conversations, and read messages and tasks. Column lists and
// the functions of row_mapping.hpp go together.
#pragma once

#include "store/statement.hpp"

#define STORE_CONVERSATION_COLUMNS                                                              \
  "c.id, c.title, c.model, c.system_prompt, c.pinned, c.created_at, c.updated_at, c.last_seq, " \
  "c.rev, c.deleted_at"
// What people see of an answer that is not finished follows from its task: the message row itself
// is written only at its end.
#define STORE_UNFINISHED_STATUS                                                               \
  "CASE WHEN t.state = 'running' OR EXISTS(SELECT 1 FROM partials p WHERE p.task_id = t.id) " \
  "THEN 'generating' ELSE 'queued' END"
#define STORE_MESSAGES                                                                             \
  "SELECT m.id, m.conversation_id, m.parent_id, m.seq, m.rev, m.role, m.content, m.reasoning, "    \
  "CASE WHEN m.status <> 'queued' THEN m.status ELSE " STORE_UNFINISHED_STATUS                     \
  " END, "                                                                                         \
  "m.task_id, COALESCE(m.model, t.model), m.provider, COALESCE(m.attempt, NULLIF(t.attempt, 0)), " \
  "m.finish_reason, m.input_tokens, m.output_tokens, m.usage_estimated, m.ttft_ms, "               \
  "m.latency_ms, m.error_code, m.error_message, m.error_retryable, m.created_at, "                 \
  "m.completed_at FROM messages m LEFT JOIN tasks t ON t.id = m.task_id "
#define STORE_TASK_COLUMNS                                                                     \
  "t.id, t.message_id, t.conversation_id, t.owner, t.state, "                                  \
  "CASE t.state WHEN 'succeeded' THEN 'completed' WHEN 'failed' THEN 'error' "                 \
  "WHEN 'cancelled' THEN 'cancelled' ELSE " STORE_UNFINISHED_STATUS                            \
  " END, "                                                                                     \
  "t.attempt, t.failures, t.failures_max, t.queue, t.priority, t.cancel_requested, t.worker, " \
  "t.created_at, t.started_at, t.run_at, t.finished_at, t.error_code, t.error_message, "       \
  "t.error_retryable, t.rev, t.ready_at"
#define STORE_TASKS "SELECT " STORE_TASK_COLUMNS " FROM tasks t "
#define STORE_TASK_IS_VISIBLE \
  "EXISTS(SELECT 1 FROM conversations c WHERE c.id = t.conversation_id AND c.deleted_at IS NULL) "
#define STORE_MESSAGE_IS_VISIBLE \
  "EXISTS(SELECT 1 FROM conversations c WHERE c.id = m.conversation_id AND c.deleted_at IS NULL) "
#define STORE_LIST_WHERE                                                   \
  " FROM conversations c WHERE c.owner = $1 AND c.deleted_at IS NULL AND " \
  "(c.pinned, c.updated_at, c.id) < (CAST($2 AS bigint), CAST($3 AS bigint), CAST($4 AS text)) "
#define STORE_LIST_ORDER " ORDER BY c.pinned DESC, c.updated_at DESC, c.id DESC LIMIT $5"

namespace throughline::store::statements {

// --- conversations -------------------------------------------------------------------------------

/// $1 id, $2 owner
inline constexpr statement get_conversation{
    "get_conversation", "SELECT " STORE_CONVERSATION_COLUMNS
                        " FROM conversations c WHERE c.id = $1 AND c.owner = $2 "
                        "AND c.deleted_at IS NULL"};

/// $1 owner, $2 to $4 the place before the page, $5 limit
inline constexpr statement list_conversations{
    "list_conversations", "SELECT " STORE_CONVERSATION_COLUMNS STORE_LIST_WHERE STORE_LIST_ORDER};

/// As above; $6 pattern
inline constexpr statement search_conversations{
    "search_conversations", "SELECT " STORE_CONVERSATION_COLUMNS STORE_LIST_WHERE
                            R"(AND (lower(c.title) LIKE lower(CAST($6 AS text)) ESCAPE '\'
      OR EXISTS(SELECT 1 FROM messages m
      WHERE m.conversation_id = c.id AND lower(m.content) LIKE lower(CAST($6 AS text)) ESCAPE
        '\')))" STORE_LIST_ORDER};

/// The newest text that matches. $1 conversation, $2 pattern
inline constexpr statement find_text{"find_text", R"(
SELECT m.content FROM messages m
WHERE m.conversation_id = $1 AND lower(m.content) LIKE lower(CAST($2 AS text)) ESCAPE '\'
  ORDER BY m.seq DESC LIMIT 1)"};

/// $1 JSON [{"i": conversation}...]
inline constexpr statement open_tasks_of{"open_tasks_of", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
SELECT t.conversation_id, t.id FROM j CROSS JOIN tasks t WHERE t.conversation_id = j.id
  AND )" STORE_OPEN_HALVES("t.state") R"(
ORDER BY t.conversation_id, t.seq)"};

/// $1 id, $2 owner, $3 rev, then for each field whether it is set and its value: $4 $5 title, $6 $7
/// model, $8 $9 system_prompt, $10 $11 pinned
inline constexpr statement patch_conversation{"patch_conversation", R"(
UPDATE conversations SET rev = $3,
  title = CASE WHEN CAST($4 AS bigint) = 1 THEN CAST($5 AS text) ELSE title END,
  model = CASE WHEN CAST($6 AS bigint) = 1 THEN CAST($7 AS text) ELSE model END,
  system_prompt = CASE WHEN CAST($8 AS bigint) = 1 THEN CAST($9 AS text) ELSE system_prompt END,
  pinned = CASE WHEN CAST($10 AS bigint) = 1 THEN CAST($11 AS bigint) ELSE pinned END
WHERE id = $1 AND owner = $2 AND deleted_at IS NULL RETURNING id)"};

/// $1 id, $2 owner, $3 rev
inline constexpr statement hide_conversation{"hide_conversation", R"(
UPDATE conversations SET deleted_at = now_ms(), rev = $3 WHERE id = $1 AND owner = $2
  AND deleted_at IS NULL RETURNING id)"};

/// $1 id, $2 owner
inline constexpr statement is_hidden{"is_hidden", R"(
SELECT id FROM conversations WHERE id = $1 AND owner = $2 AND deleted_at IS NOT NULL)"};

/// $1 conversation, $2 rev
inline constexpr statement cancel_all_of{"cancel_all_of", R"(
UPDATE tasks SET cancel_requested = 1, rev = $2 WHERE conversation_id = $1
  AND )" STORE_OPEN_HALVES("state") R"( RETURNING id)"};

/// $1 id, $2 owner, $3 rev
inline constexpr statement unhide_conversation{"unhide_conversation", R"(
UPDATE conversations SET deleted_at = NULL, rev = $3
WHERE id = $1 AND owner = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL
RETURNING last_seq)"};

/// Whoever saw the conversation vanish has thrown its messages away and needs them again: ten to a
/// rev, so that they come in pages. $1 conversation, $2 rev
inline constexpr statement touch_messages_of{"touch_messages_of", R"(
UPDATE messages SET rev = CAST($2 AS bigint) + seq / 10 WHERE conversation_id = $1)"};

/// $1 conversation, $2 rev
inline constexpr statement touch_tasks_of{"touch_tasks_of", R"(
UPDATE tasks SET rev = CAST($2 AS bigint) + seq / 10
WHERE id IN (SELECT m.task_id FROM messages m WHERE m.conversation_id = $1
  AND m.task_id IS NOT NULL))"};

/// Takes the revs that the two above have given out. $1 owner, $2 last seq of the conversation
inline constexpr statement take_revs{"take_revs", R"(
UPDATE owners SET rev = rev + CAST($2 AS bigint) / 10 WHERE owner = $1)"};

// --- messages ------------------------------------------------------------------------------------

/// $1 message, $2 owner
inline constexpr statement get_message{
    "get_message", STORE_MESSAGES "WHERE m.id = $1 AND m.owner = $2 AND " STORE_MESSAGE_IS_VISIBLE};

/// $1 conversation, $2 owner, $3 seq before the page, $4 limit
inline constexpr statement list_messages_up{"list_messages_up", STORE_MESSAGES
                                            "WHERE m.conversation_id = $1 AND m.owner = $2 AND "
                                            "m.seq > CAST($3 AS bigint) ORDER BY m.seq LIMIT $4"};
inline constexpr statement list_messages_down{"list_messages_down", STORE_MESSAGES
                                              "WHERE m.conversation_id = $1 AND m.owner = $2 AND "
                                              "m.seq < CAST($3 AS bigint) ORDER BY m.seq DESC "
                                              "LIMIT $4"};

/// How much text the messages of a page have. $1 to $4 as above
inline constexpr statement message_sizes_up{
    "message_sizes_up",
    "SELECT length(m.content) + length(m.reasoning) FROM messages m "
    "WHERE m.conversation_id = $1 AND m.owner = $2 AND m.seq > CAST($3 AS bigint) "
    "ORDER BY m.seq LIMIT $4"};
inline constexpr statement message_sizes_down{
    "message_sizes_down",
    "SELECT length(m.content) + length(m.reasoning) FROM messages m "
    "WHERE m.conversation_id = $1 AND m.owner = $2 AND m.seq < CAST($3 AS bigint) "
    "ORDER BY m.seq DESC LIMIT $4"};

// --- tasks ---------------------------------------------------------------------------------------

/// $1 task, $2 owner
inline constexpr statement get_task{
    "get_task", STORE_TASKS "WHERE t.id = $1 AND t.owner = $2 AND " STORE_TASK_IS_VISIBLE};

/// What is left of a task that was cleaned away. $1 task, $2 owner
inline constexpr statement get_cleaned_task{"get_cleaned_task", R"(
SELECT m.task_id, m.id, m.conversation_id, m.owner, m.status, m.attempt, m.created_at,
  m.completed_at,
  m.error_code, m.error_message, m.error_retryable, m.rev
FROM messages m WHERE m.task_id = $1 AND m.owner = $2 AND )" STORE_MESSAGE_IS_VISIBLE};

/// $1 queue, $2 priority, $3 ready_at, $4 id: how many ready tasks are in front, counting no
/// further than needed
inline constexpr statement count_in_front{"count_in_front", R"(
SELECT (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'ready' AND queue = $1
          AND priority > CAST($2 AS bigint) LIMIT 1000) AS higher)
  + (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'ready' AND queue = $1
          AND priority = CAST($2 AS bigint) AND ready_at < CAST($3 AS bigint)
            LIMIT 1000) AS earlier)
  + (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'ready' AND queue = $1
          AND priority = CAST($2 AS bigint) AND ready_at = CAST($3 AS bigint)
            AND id < CAST($4 AS text) LIMIT 1000) AS same))"};

/// $1 owner, $2 queue, $3 priority, $4 run_at, $5 id: how many of the same owner wait in front
inline constexpr statement count_waiting_in_front{"count_waiting_in_front", R"(
SELECT (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'ready' AND queue = $2
          AND priority >= CAST($3 AS bigint) LIMIT 1000) AS ready_ones)
  + (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'waiting' AND owner = $1 AND queue = $2
          AND priority > CAST($3 AS bigint) LIMIT 1000) AS higher)
  + (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'waiting' AND owner = $1 AND queue = $2
          AND priority = CAST($3 AS bigint) AND run_at < CAST($4 AS bigint) LIMIT 1000) AS earlier)
  + (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = 'waiting' AND owner = $1 AND queue = $2
          AND priority = CAST($3 AS bigint) AND run_at = CAST($4 AS bigint)
            AND id < CAST($5 AS text) LIMIT 1000) AS same))"};

/// $1 owner, $2 limit
inline constexpr statement active_tasks{"active_tasks", STORE_TASKS
                                        "WHERE t.owner = $1 AND t.state IN " STORE_OPEN
                                        " AND " STORE_TASK_IS_VISIBLE
                                        "ORDER BY t.created_at DESC, t.id DESC LIMIT $2"};

/// The newest attempt is in the task's row while it runs and after it has ended the task, unless a
/// version before this one has kept it in `attempts` already. $1 task
inline constexpr statement attempts_of{"attempts_of", R"(
SELECT attempt, worker, started_at, finished_at, error_code, error_message, error_retryable
FROM attempts WHERE task_id = $1
UNION ALL
SELECT t.attempt, t.worker, COALESCE(t.attempt_started_at, t.started_at), t.finished_at,
  CASE WHEN t.state = 'failed' THEN t.error_code END,
  CASE WHEN t.state = 'failed' THEN t.error_message END,
  CASE WHEN t.state = 'failed' THEN t.error_retryable END
FROM tasks t WHERE t.id = $1 AND t.worker IS NOT NULL
  AND t.state IN ('running', 'succeeded', 'failed', 'cancelled')
  AND NOT EXISTS(SELECT 1 FROM attempts a WHERE a.task_id = t.id AND a.attempt = t.attempt)
ORDER BY 1 LIMIT 1000)"};

/// $1 message, $2 owner, $3 conversation
inline constexpr statement task_of_message{"task_of_message", R"(
SELECT m.task_id FROM messages m WHERE m.id = $1 AND m.owner = $2 AND m.conversation_id = $3)"};

/// $1 conversation, $2 owner
inline constexpr statement newest_open_task{"newest_open_task", R"(
SELECT t.id FROM tasks t WHERE t.conversation_id = $1 AND t.owner = $2
  AND )" STORE_OPEN_HALVES("t.state") R"(
ORDER BY t.seq DESC LIMIT 1)"};

// --- endings -------------------------------------------------------------------------------------

/// $1 JSON [{"i": task}...]
inline constexpr statement terminals{"terminals", R"(
WITH j AS MATERIALIZED (SELECT value->>'i' AS id FROM json_each($1))
SELECT m.task_id, m.attempt, m.terminal_index, m.owner,
  CASE WHEN )" STORE_MESSAGE_IS_VISIBLE R"( THEN 0 ELSE 1 END
FROM j CROSS JOIN messages m WHERE m.task_id = j.id)"};

/// $1 task
inline constexpr statement ending_of{"ending_of", R"(
SELECT m.status, m.attempt, m.content, m.reasoning, m.model, m.provider, m.finish_reason,
  m.input_tokens, m.output_tokens,
  m.usage_estimated, m.ttft_ms, m.latency_ms, m.error_code, m.error_message, m.error_retryable,
  m.terminal_index, m.terminal_type, m.terminal_content, m.terminal_fields
FROM messages m WHERE m.task_id = $1)"};

/// $1 task, $2 owner (not by an index of the owner: it would read all of his messages)
inline constexpr statement owns_answer{
    "owns_answer",
    "SELECT m.attempt, m.terminal_index FROM messages m WHERE m.task_id = $1 "
    "AND m.owner || '' = $2 AND " STORE_MESSAGE_IS_VISIBLE};

/// $1 task, $2 owner: also of a hidden conversation
inline constexpr statement answer_status{"answer_status", R"(
SELECT m.status FROM messages m WHERE m.task_id = $1 AND m.owner = $2)"};

}  // namespace throughline::store::statements
