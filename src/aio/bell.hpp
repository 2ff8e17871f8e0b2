// A bell wakes one coroutine: any thread rings it, one coroutine on the bell's loop waits for it.
// Rings coalesce and are not lost: a ring before the wait makes the wait return at once. Waking
// means "look again", never "there is exactly one new thing".
#pragma once

#include <atomic>
#include <memory>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"

namespace throughline::aio {

class bell : public std::enable_shared_from_this<bell> {
 public:
  /// `loop` must outlive the bell.
  [[nodiscard]] static std::shared_ptr<bell> create(event_loop& loop);

  /// Any thread. Costs an atomic exchange when it has been rung already and not yet heard.
  void ring();

  /// Suspends until rung or until `deadline`; returns whether it was rung, and forgets the ring.
  /// Only on the bell's loop, one waiter at a time. Throws `operation_aborted` if the coroutine is
  /// cancelled.
  [[nodiscard]] awaitable<bool> wait_until(steady_time deadline);
  /// The same without a deadline.
  [[nodiscard]] awaitable<> wait();
  /// Suspends until rung, even if the coroutine is cancelled meanwhile: for what must be waited
  /// for, like work on another thread. The cancellation is seen at the next suspension.
  [[nodiscard]] awaitable<> wait_uncancelled();

  /// Whether a ring is waiting to be heard. Any thread; does not forget it.
  [[nodiscard]] bool is_rung() const noexcept { return rung_.load(std::memory_order_acquire); }

 private:
  friend class event_loop;
  explicit bell(event_loop& loop) : loop_(loop), timer_(loop.get_executor()) {}
  void wake() { timer_.cancel(); }

  event_loop& loop_;
  timer timer_;
  std::atomic<bool> rung_{false};
};

}  // namespace throughline::aio
