// Answers the followers' question "has this task ended in the database?" for a whole process:
// questions that wait are asked together in one statement. An urgent one is asked at once (with
// everything that waits), the others at most a second later.
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

  /// Answers what waits with `unavailable` and stops. Any loop; no question may come after it.
  [[nodiscard]] aio::awaitable<> stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace throughline::engine
