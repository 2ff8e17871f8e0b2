// The statements that begin an answer.
#pragma once

#include "store/statement.hpp"

namespace throughline::store::statements {

/// The first statement where a key was given: whoever inserts it does the work, everybody else
/// waits for him and gets no row. $1 owner, $2 key, $3 hash, $4 task, $5 message, $6 user message,
/// $7 conversation
inline constexpr statement take_key{"take_key", R"(
INSERT INTO idempotency_keys(owner, key, request_hash, task_id, message_id, user_message_id,
  conversation_id, created_at)
VALUES($1, $2, $3, $4, $5, $6, $7, now_ms()) ON CONFLICT(owner, key) DO NOTHING RETURNING key)"};

/// $1 owner, $2 key
inline constexpr statement read_key{"read_key", R"(
SELECT request_hash, task_id, message_id, user_message_id, conversation_id FROM idempotency_keys
WHERE owner = $1 AND key = $2)"};

/// What was not known when the key was taken. $1 owner, $2 key, $3 user message, $4 conversation
inline constexpr statement complete_key{"complete_key", R"(
UPDATE idempotency_keys SET user_message_id = $3, conversation_id = $4 WHERE owner = $1
  AND key = $2)"};

/// Whether a submission whose commit was in doubt is there. $1 task
inline constexpr statement read_submission{"read_submission", R"(
SELECT m.id, m.parent_id, m.conversation_id FROM messages m WHERE m.task_id = $1)"};

/// $1 id, $2 owner, $3 rev, $4 title, $5 model, $6 system_prompt, $7 last_seq
inline constexpr statement insert_conversation{"insert_conversation", R"(
INSERT INTO conversations(id, owner, rev, title, model, system_prompt, last_seq, created_at,
  updated_at)
VALUES($1, $2, $3, $4, $5, $6, $7, now_ms(), now_ms()))"};

/// Takes the next numbers of a conversation; also returns its newest message. $1 id, $2 owner, $3
/// rev, $4 how many, $5 title if it has none
inline constexpr statement take_seq{"take_seq", R"(
UPDATE conversations SET last_seq = last_seq + CAST($4 AS bigint), updated_at = now_ms(), rev = $3,
  title = CASE WHEN title = '' THEN CAST($5 AS text) ELSE title END
WHERE id = $1 AND owner = $2 AND deleted_at IS NULL
RETURNING last_seq, model, system_prompt, (SELECT m.id FROM messages m
  WHERE m.conversation_id = conversations.id ORDER BY m.seq DESC LIMIT 1))"};

/// $1 message, $2 owner
inline constexpr statement read_place{"read_place", R"(
SELECT m.conversation_id, m.parent_id, m.role FROM messages m JOIN conversations c
  ON c.id = m.conversation_id
WHERE m.id = $1 AND m.owner = $2 AND c.deleted_at IS NULL)"};

/// The answer of a task and how it ended; the task's row may be gone. $1 task, $2 owner
inline constexpr statement read_answer_of{"read_answer_of", R"(
SELECT m.id, m.status, t.model, t.queue, t.priority FROM messages m JOIN conversations c
  ON c.id = m.conversation_id
LEFT JOIN tasks t ON t.id = m.task_id WHERE m.task_id = $1 AND m.owner = $2
  AND c.deleted_at IS NULL)"};

/// A question and its answer. $1 question, $2 answer, $3 conversation, $4 owner, $5 parent of the
/// question, $6 seq of the answer, $7 rev, $8 content, $9 task, $10 model
inline constexpr statement insert_turn{"insert_turn", R"(
INSERT INTO messages(id, conversation_id, owner, parent_id, seq, rev, role, status, content,
  task_id, model, created_at, completed_at)
VALUES
  (CAST($1 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text),
   CAST($6 AS bigint) - 1, CAST($7 AS bigint), 'user', 'completed', CAST($8 AS text),
   NULL, NULL, now_ms(), now_ms()),
  (CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($1 AS text),
   CAST($6 AS bigint), CAST($7 AS bigint), 'assistant', 'queued', '',
   CAST($9 AS text), CAST($10 AS text), now_ms(), NULL))"};

/// $1 id, $2 conversation, $3 owner, $4 parent, $5 seq, $6 rev, $7 task, $8 model
inline constexpr statement insert_answer{"insert_answer", R"(
INSERT INTO messages(id, conversation_id, owner, parent_id, seq, rev, role, status, content,
  task_id, model, created_at)
VALUES($1, $2, $3, $4, $5, $6, 'assistant', 'queued', '', $7, $8, now_ms()))"};

}  // namespace throughline::store::statements
