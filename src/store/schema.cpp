#include "store/schema.hpp"

#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/fault_point.hpp"

namespace throughline::store {
namespace {

// Ids, owners and whatever else identifies something are `@key`, text of no language; times are
// Unix milliseconds, flags are 0 or 1.
//
// A message carries how its answer ended, terminal chunk included, because it outlives its task: a
// task is deleted some time after its end, its message is not. A hidden conversation becomes a row
// without content when it is purged (purged_at, then emptied), so that a client which was away for
// long still hears that it is gone.
constexpr std::string_view first_tables = R"sql(
CREATE TABLE owners(
  owner @key PRIMARY KEY,
  rev bigint NOT NULL,
  touched_at bigint NOT NULL
) @ff50
;;
CREATE TABLE conversations(
  id @key PRIMARY KEY,
  owner @key NOT NULL,
  rev bigint NOT NULL,
  title text NOT NULL DEFAULT '',
  model text,
  system_prompt text,
  pinned bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  deleted_at bigint,
  purged_at bigint,
  emptied bigint NOT NULL DEFAULT 0
) @ff80
;;
CREATE INDEX conversations_list ON conversations(owner, pinned, updated_at,
  id) WHERE deleted_at IS NULL
;;
CREATE INDEX conversations_changes ON conversations(owner, rev)
;;
CREATE INDEX conversations_hidden ON conversations(deleted_at) WHERE deleted_at IS NOT NULL
  AND emptied = 0
;;
CREATE TABLE messages(
  id @key PRIMARY KEY,
  conversation_id @key NOT NULL,
  owner @key NOT NULL,
  parent_id @key,
  seq bigint NOT NULL,
  rev bigint NOT NULL,
  role text NOT NULL CHECK(role IN ('system', 'user', 'assistant')),
  status text NOT NULL CHECK(status IN ('queued', 'completed', 'cancelled', 'error')),
  content text NOT NULL,
  reasoning text NOT NULL DEFAULT '',
  task_id @key,
  model text,
  provider text,
  attempt bigint,
  finish_reason text,
  input_tokens bigint,
  output_tokens bigint,
  usage_estimated bigint,
  ttft_ms bigint,
  latency_ms bigint,
  error_code text,
  error_message text,
  error_retryable bigint,
  terminal_index bigint,
  terminal_type text,
  terminal_content text,
  terminal_fields text,
  created_at bigint NOT NULL,
  completed_at bigint
) @ff80
;;
CREATE UNIQUE INDEX messages_order ON messages(conversation_id, seq)
;;
CREATE UNIQUE INDEX messages_task ON messages(task_id) WHERE task_id IS NOT NULL
;;
CREATE INDEX messages_changes ON messages(owner, rev)
;;
CREATE TABLE tasks(
  id @key PRIMARY KEY,
  owner @key NOT NULL,
  conversation_id @key NOT NULL,
  message_id @key NOT NULL,
  seq bigint NOT NULL,
  rev bigint NOT NULL,
  queue @key NOT NULL,
  priority bigint NOT NULL,
  model text,
  state text NOT NULL CHECK(state IN
    ('blocked', 'delayed', 'waiting', 'ready', 'running', 'succeeded', 'failed', 'cancelled')),
  run_at bigint NOT NULL,
  ready_at bigint,
  attempt bigint NOT NULL DEFAULT 0,
  failures bigint NOT NULL DEFAULT 0,
  failures_max bigint NOT NULL,
  worker @key,
  cancel_requested bigint NOT NULL DEFAULT 0,
  error_code text,
  error_message text,
  error_retryable bigint,
  created_at bigint NOT NULL,
  started_at bigint,
  finished_at bigint,
  CHECK(state <> 'ready' OR ready_at IS NOT NULL),
  CHECK(state <> 'running' OR worker IS NOT NULL),
  CHECK((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) @ff80
;;
CREATE INDEX tasks_ready ON tasks(queue, priority DESC, ready_at, id) WHERE state = 'ready'
;;
CREATE INDEX tasks_waiting ON tasks(owner, queue, priority DESC, run_at, id) WHERE state = 'waiting'
;;
CREATE INDEX tasks_slots ON tasks(owner, queue) WHERE state IN ('ready', 'running')
;;
CREATE INDEX tasks_delayed ON tasks(run_at) WHERE state = 'delayed'
;;
CREATE INDEX tasks_delayed_of ON tasks(owner, run_at) WHERE state = 'delayed'
;;
CREATE INDEX tasks_held ON tasks(worker) WHERE state = 'running'
;;
CREATE UNIQUE INDEX tasks_open ON tasks(conversation_id, seq)
  WHERE state IN ('blocked', 'delayed', 'waiting', 'ready', 'running')
;;
CREATE UNIQUE INDEX tasks_one_per_conversation ON tasks(conversation_id)
  WHERE state IN ('delayed', 'waiting', 'ready', 'running')
;;
CREATE INDEX tasks_active ON tasks(owner, created_at, id)
  WHERE state IN ('blocked', 'delayed', 'waiting', 'ready', 'running')
;;
CREATE INDEX tasks_old ON tasks(finished_at) WHERE state IN ('succeeded', 'failed', 'cancelled')
;;
CREATE INDEX tasks_changes ON tasks(owner, rev)
;;
CREATE TABLE attempts(
  task_id @key NOT NULL,
  attempt bigint NOT NULL,
  worker @key NOT NULL,
  started_at bigint NOT NULL,
  finished_at bigint,
  error_code text,
  error_message text,
  error_retryable bigint,
  PRIMARY KEY(task_id, attempt)
)
;;
CREATE TABLE workers(
  id @key PRIMARY KEY,
  renewed_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  expired_before bigint NOT NULL
) @ff50
;;
CREATE TABLE partials(
  task_id @key NOT NULL,
  attempt bigint NOT NULL,
  from_index bigint NOT NULL,
  content text NOT NULL,
  reasoning text NOT NULL,
  PRIMARY KEY(task_id, attempt, from_index)
)
;;
CREATE TABLE idempotency_keys(
  owner @key NOT NULL,
  key @key NOT NULL,
  request_hash text NOT NULL,
  task_id @key NOT NULL,
  message_id @key NOT NULL,
  user_message_id @key,
  conversation_id @key,
  created_at bigint NOT NULL,
  PRIMARY KEY(owner, key)
)
;;
CREATE INDEX idempotency_keys_old ON idempotency_keys(created_at)
)sql";

// A task's row is itself the record of its newest attempt, until that one makes room for another:
// an answer that succeeds at once writes no row of `attempts`.
constexpr std::string_view attempt_in_task = R"sql(
ALTER TABLE tasks ADD COLUMN attempt_started_at bigint
)sql";

// Every change of a task's state writes to each partial index that its row is in. So there are no
// more than are looked up: an owner's slots are counted only where there is a cap (capped), the
// open tasks of a conversation are its head and what is blocked behind it, and what is old has an
// old id.
constexpr std::string_view fewer_indexes = R"sql(
ALTER TABLE tasks ADD COLUMN capped bigint NOT NULL DEFAULT 0
;;
DROP INDEX tasks_slots
;;
CREATE INDEX tasks_slots ON tasks(owner, queue) WHERE state IN ('ready', 'running') AND capped = 1
;;
CREATE UNIQUE INDEX tasks_blocked ON tasks(conversation_id, seq) WHERE state = 'blocked'
;;
DROP INDEX tasks_open
;;
DROP INDEX tasks_old
)sql";

// The pieces of one answer lie side by side: they are written one by one and deleted together.
constexpr std::string_view partials_by_task = R"sql(
ALTER TABLE partials RENAME TO scattered_partials
;;
CREATE TABLE partials(
  task_id @key NOT NULL,
  attempt bigint NOT NULL,
  from_index bigint NOT NULL,
  content text NOT NULL,
  reasoning text NOT NULL,
  PRIMARY KEY(task_id, attempt, from_index)
) @clustered
;;
INSERT INTO partials(task_id, attempt, from_index, content, reasoning)
SELECT task_id, attempt, from_index, content, reasoning FROM scattered_partials
;;
DROP TABLE scattered_partials
)sql";

// A worker says what it is in its row: NULL in `queues` is one of a version that did not, which may
// serve any. `queues` has a row for each queue that was ever paused. What has failed is looked at
// newest first.
constexpr std::string_view for_operators = R"sql(
ALTER TABLE workers ADD COLUMN host text NOT NULL DEFAULT ''
;;
ALTER TABLE workers ADD COLUMN process bigint NOT NULL DEFAULT 0
;;
ALTER TABLE workers ADD COLUMN version text NOT NULL DEFAULT ''
;;
ALTER TABLE workers ADD COLUMN queues text
;;
ALTER TABLE workers ADD COLUMN concurrency bigint NOT NULL DEFAULT 0
;;
ALTER TABLE workers ADD COLUMN running bigint NOT NULL DEFAULT 0
;;
ALTER TABLE workers ADD COLUMN started_at bigint NOT NULL DEFAULT 0
;;
ALTER TABLE workers ADD COLUMN draining bigint NOT NULL DEFAULT 0
;;
CREATE TABLE queues(
  name @key PRIMARY KEY,
  paused bigint NOT NULL
) @ff80
;;
CREATE INDEX tasks_failed ON tasks(finished_at, id) WHERE state = 'failed'
)sql";

// Which provider is to answer, as whoever posted it knew it, so that a worker can leave alone what
// its limit of one provider does not let it run, and claim what is behind it: each provider's ready
// tasks are a lane of their queue. Empty: not known. A worker says which limits it has.
constexpr std::string_view lanes = R"sql(
ALTER TABLE tasks ADD COLUMN provider @key NOT NULL DEFAULT ''
;;
CREATE INDEX tasks_lanes ON tasks(queue, provider, priority DESC, ready_at, id)
  WHERE state = 'ready'
;;
ALTER TABLE workers ADD COLUMN limits text
)sql";

// Which database this is, to whoever keeps what he read in it: another one, even at the same
// address, has another id. One row.
constexpr std::string_view installation = R"sql(
CREATE TABLE installation(
  id @key PRIMARY KEY
)
;;
INSERT INTO installation(id) VALUES(@random_uuid)
)sql";

constexpr std::array<sql::migration, 7> all_migrations{
    sql::migration{1, "conversations, messages and the queue of tasks", first_tables, false},
    sql::migration{2, "the newest attempt is in its task", attempt_in_task, true},
    sql::migration{3, "fewer indexes of tasks", fewer_indexes, true},
    sql::migration{4, "partial text in the order of tasks", partials_by_task, true},
    sql::migration{5, "what workers are, and paused queues", for_operators, true},
    sql::migration{6, "the provider of a task", lanes, true},
    sql::migration{7, "the id of the installation", installation, true},
};

/// What the next version may bring, for tests of going there and back. THROUGHLINE_FAULT_SCHEMA
/// says whether this version still runs then: `compatible` or `incompatible`.
std::vector<sql::migration> with_next_version(std::string_view kind) {
  std::vector<sql::migration> all(all_migrations.begin(), all_migrations.end());
  const auto next = all.back().version + 1;
  all.push_back({next, "a column of the next version",
                 "ALTER TABLE tasks ADD COLUMN next_version text", kind == "compatible"});
  return all;
}

}  // namespace

std::span<const sql::migration> migrations() {
  if constexpr (has_fault_points) {
    const char* kind = std::getenv("THROUGHLINE_FAULT_SCHEMA");
    if (kind == nullptr) return all_migrations;
    static const auto next = with_next_version(kind);
    return next;
  }
  return all_migrations;
}

}  // namespace throughline::store
