// How an answer begins: one transaction that stores the question, the empty answer and its task.
// When it has returned, all three survive anything. Idempotent by key.
//
// With a worker in the same process (begin_tasks_at) a task that is next in the queue the moment it
// is posted never lies in it: the same transaction says that the worker holds it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sql/database.hpp"
#include "store/claimed_task.hpp"
#include "store/records.hpp"
#include "store/signals.hpp"

namespace throughline::store {

/// A caller's Idempotency-Key and a hash of what it asked for (method, path, body). Kept 24 h.
struct idempotency {
  std::string key;
  std::string request_hash;
};

struct submission {
  task_id task;
  message_id message;       // the answer
  message_id user_message;  // the question
  conversation_id conversation;
  bool replayed = false;  // this key was used before: nothing was started
};

struct submit_options {
  std::optional<std::string> model;
  std::string queue = "default";
  std::int64_t priority = 0;
  wall_time run_at{};  // not before this
  std::optional<idempotency> once;
  std::optional<std::string> system_prompt;  // of a conversation that is made; else ignored
};

/// Who would answer now if this model were asked for (nullopt: the default); empty: nobody. Called
/// within transactions, on any thread.
using provider_finder = std::function<std::string(const std::optional<std::string>& model)>;

struct queue_limits {
  std::int64_t running_per_owner_max = 0;  // per queue; 0: no cap
  std::int64_t open_per_owner_max =
      0;  // tasks that have not ended; more are `too_many_requests`; 0: no cap
  std::int64_t failures_max = 3;
};

class submissions {
 public:
  submissions(sql::database& database, signals& bells, queue_limits limits)
      : database_(database), bells_(bells), limits_(limits) {}

  // Before the first call of the others.

  /// `local` is used as long as anything is posted.
  void begin_tasks_at(task_taker& local) noexcept { local_ = &local; }
  /// So that each task says who is to answer. Without it none does, and a worker finds out when it
  /// has claimed it.
  void find_providers_with(provider_finder find) { find_provider_ = std::move(find); }

  /// A message and the task that answers it. Without `in` a conversation is made in the same
  /// transaction. Without `parent` it follows the newest message. Errors: `not_found`
  /// (conversation), `unprocessable` (parent is not an assistant or system message of this
  /// conversation), `idempotency_key_reused`.
  [[nodiscard]] aio::awaitable<result<submission>> post(owner_id owner,
                                                        std::optional<conversation_id> in,
                                                        std::string content,
                                                        std::optional<message_id> parent,
                                                        submit_options options);
  /// A new version of a user message, beside the old one, and an answer to it. `unprocessable` for
  /// other roles.
  [[nodiscard]] aio::awaitable<result<submission>> edit(owner_id owner, message_id of,
                                                        std::string content,
                                                        submit_options options);
  /// A new answer to the question that `of` (an assistant message) answers. `unprocessable` for
  /// other roles.
  [[nodiscard]] aio::awaitable<result<submission>> regenerate(owner_id owner, message_id of,
                                                              submit_options options);
  /// Regenerates the answer of a task that failed or was cancelled; `conflict` for others. In the
  /// queue, with the priority and (unless another one is asked for) with the model of that task.
  [[nodiscard]] aio::awaitable<result<submission>> retry(owner_id owner, task_id of,
                                                         submit_options options);

 private:
  sql::database& database_;
  signals& bells_;
  queue_limits limits_;
  task_taker* local_ = nullptr;
  provider_finder find_provider_ = [](const std::optional<std::string>&) {
    return std::string();
  };
};

}  // namespace throughline::store
