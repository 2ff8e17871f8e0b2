// Answers the question "has this task ended in the database, and whose is it?" for a whole process:
// for those who come and for followers. Questions that wait are asked together in one statement. An
// urgent one is asked at once (with everything that waits), the others at most a second later.
#pragma once

#include <memory>

#include "aio/event_loop.hpp"
#include "store/task_queue.hpp"
#include "stream/task_endings.hpp"

namespace throughline::engine {

class batched_endings final : public stream::task_endings {
 public:
  /// Both outlive it; it asks from `home`.
  batched_endings(aio::event_loop& home, store::task_queue& queue);
  /// REQUIRES that stop() has returned.
  ~batched_endings() override;

  [[nodiscard]] aio::awaitable<result<std::optional<stream::position>>> terminal_of(
      task_id task, bool is_urgent) override;
  [[nodiscard]] aio::awaitable<result<stream::stored_ending>> ending_of(task_id task) override;

  /// Where the terminal chunk of the owner's task is, if it has ended; `not_found` unless it is the
  /// owner's and its conversation is not hidden. Knows cleaned tasks too. Urgent.
  [[nodiscard]] aio::awaitable<result<store::task_queue::terminal_position>> end_of(
      store::owner_id owner, task_id task);

  /// Answers what waits with `unavailable` and stops. Any loop; no question may come after it.
  [[nodiscard]] aio::awaitable<> stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace throughline::engine
