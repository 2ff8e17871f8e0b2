// The only spawner. A task group runs coroutines on one loop and knows when all of them have ended,
// so that nothing they refer to dies before them. It is a class's last member, and its owner awaits
// `stop()` before it dies.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"

namespace throughline::aio {

class task_group {
 public:
  /// Cancels one spawned coroutine; keep it or drop it. On the group's loop only. Does nothing once
  /// the coroutine has ended.
  using canceller = std::function<void()>;

  explicit task_group(event_loop& loop);
  /// REQUIRES: empty. Await stop() first.
  ~task_group();
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Starts `work` on the group's loop; on that loop's thread only. `name` (a literal) appears in
  /// the log if it ends by an exception other than cancellation, which is this project's way of
  /// saying "a bug": the process then ends, since what was promised survives that and a half-dead
  /// process would not be noticed. After stop() has begun the work is dropped unrun.
  canceller spawn(std::string_view name, awaitable<> work);

  /// Cancels everything and suspends until all have ended. On the group's loop, but not in a
  /// coroutine of this group. May be called more than once, also by several at a time. Once it has
  /// begun, a cancellation of the caller does not end it early; but in a caller that has been
  /// cancelled already no `co_await` begins, so there `co_await
  /// asio::this_coro::throw_if_cancelled(false);` comes first.
  [[nodiscard]] awaitable<> stop();
  /// Suspends until all have ended by themselves. Work may be spawned meanwhile. For the rest like
  /// stop().
  [[nodiscard]] awaitable<> join();

  [[nodiscard]] std::size_t size() const noexcept { return running_.size(); }
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }

 private:
  struct entry {
    asio::cancellation_signal signal;
  };

  event_loop& loop_;
  std::list<std::shared_ptr<entry>> running_;
  // Made by the first join(): never expires; cancelled when the last coroutine has ended.
  std::unique_ptr<timer> ended_;
  bool stopping_ = false;
};

/// Runs `work` on `loop` and returns its result to the awaiting coroutine, on whatever loop that
/// is. It is not cancelled when the caller is: the caller waits.
template <class T>
[[nodiscard]] awaitable<T> run_on(event_loop& loop, awaitable<T> work);

}  // namespace throughline::aio

#include "aio/task_group_impl.hpp"
