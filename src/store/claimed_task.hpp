// A task in the hands of the worker that runs it: what claiming gives, and what a post gives to a
// worker of its own process that takes the task at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/records.hpp"

namespace throughline::store {

/// Who runs a task: the fence of every write.
struct task_holder {
  task_id task;
  std::uint32_t attempt = 0;
  worker_id worker;
};

/// One line of the conversation an answer is written for.
struct context_line {
  role from = role::user;
  std::string content;
};

struct claimed_task {
  task_holder held;
  owner_id owner;
  conversation_id conversation;
  message_id message;
  std::optional<std::string> model;  // asked for with the post, else of the conversation
  std::string provider;              // that was to answer when it was posted; empty: not known
  std::int64_t failures = 0;
  std::int64_t failures_max = 0;
  bool cancel_requested = false;
  std::optional<std::string> last_error_code;  // of the attempt before, if it failed
  wall_time created_at;
  /// As task_queue::context() returns it, where whoever claimed it knew it already.
  std::optional<std::vector<context_line>> context;
};

/// A worker in the process of whoever posts. A task that would be the next of its queue to be
/// claimed anyway begins there at once, held by it from the transaction of the post on. What
/// becomes of it in a crash is what becomes of any other claimed task.
class task_taker {
 public:
  /// Room for one task of `provider`.
  struct room {
    worker_id worker;
    std::string provider;
    std::uint64_t since = 0;  // for the taker
  };
  virtual ~task_taker() = default;
  /// Keeps room for a task of `queue` that `provider` is to answer; nullopt: there is none. Whoever
  /// has got it calls start() or give_back() once. Any thread, as the others.
  [[nodiscard]] virtual std::optional<room> reserve(const std::string& queue,
                                                    const std::string& provider) = 0;
  /// It is committed that the worker holds it. It is of the queue and the provider of the room.
  virtual void start(claimed_task task, room in) = 0;
  virtual void give_back(room unused) noexcept = 0;
};

}  // namespace throughline::store
