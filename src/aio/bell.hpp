// A bell wakes one coroutine: any thread rings it, one coroutine on the bell's loop waits for it.
// Rings coalesce and are not lost: a ring before the wait makes the wait return at once. Waking
// means "look again", never "there is exactly one new thing".
//
// A ring resumes the waiter when its loop comes round to it, without a timer and without a lock if
// the ring came from the same loop: this is what every chunk of every answer passes through. A
// deadline costs a timer once, not at every wait: it stays armed from one wait to the next.
#pragma once

#include <atomic>
#include <boost/intrusive/list_hook.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"

namespace throughline::aio {

class bell final : public std::enable_shared_from_this<bell>, public detail::loop_waiter {
 public:
  /// `loop` must outlive the bell.
  [[nodiscard]] static std::shared_ptr<bell> create(event_loop& loop);

  /// Any thread. Costs an atomic exchange when it has been rung already and not yet heard.
  void ring();

  /// Suspends until rung or until `deadline`; returns whether it was rung, and forgets the ring.
  /// Only on the bell's loop, one waiter at a time. Throws `operation_aborted` if the coroutine is
  /// cancelled.
  [[nodiscard]] awaitable<bool> wait_until(steady_time deadline);
  /// The same, as with a condition variable's predicate: each ring runs `look` on the loop, and the
  /// waiter is resumed (true) only once that returns true. What can be done without suspending is
  /// done in there, and the coroutine sleeps on. What `look` throws is thrown here.
  [[nodiscard]] awaitable<bool> wait_until(steady_time deadline, const std::function<bool()>& look);
  /// The same without a deadline.
  [[nodiscard]] awaitable<> wait();
  /// Suspends until rung, even if the coroutine is cancelled meanwhile: for what must be waited
  /// for, like work on another thread. The cancellation is seen at the next suspension.
  [[nodiscard]] awaitable<> wait_uncancelled();

  /// Instead of waiting: `call` runs on the loop for each ring that nobody waits for, rings
  /// coalescing as ever. For those of whom thousands wait and do nothing else: no coroutine is kept
  /// for it. nullptr: no more. On the loop only.
  void on_ring(std::function<void()> call);

  /// Whether a ring is waiting to be heard. Any thread; does not forget it.
  [[nodiscard]] bool is_rung() const noexcept { return rung_.load(std::memory_order_acquire); }

 private:
  friend class event_loop;
  using handler =
      asio::async_result<std::decay_t<decltype(use_awaitable)>, void(bool)>::handler_type;
  enum class cancelling : bool { ignored, heard };

  explicit bell(event_loop& loop) : loop_(loop) {}
  /// The predicate of a wait, in its coroutine's frame.
  struct predicate {
    const std::function<bool()>& look;
    std::exception_ptr thrown;
  };

  awaitable<bool> sleep_until(std::shared_ptr<bell> self, steady_time deadline);
  /// False: the waiter sleeps on.
  [[nodiscard]] bool holds();
  /// Suspends until complete().
  awaitable<bool> suspend(cancelling how);
  /// By the loop: a ring or a cancellation was delivered.
  void wake();
  void abandon() noexcept override;
  /// Resumes the waiter. Whoever calls keeps the bell alive.
  void complete(bool is_rung);
  void arm();

  event_loop& loop_;
  std::atomic<bool> rung_{false};
  bool is_cancelled_ = false;
  std::optional<handler> waiting_;
  predicate* predicate_ = nullptr;  // of the present wait, if it has one
  std::function<void()> on_ring_;
  steady_time deadline_ = steady_time::max();     // of the present wait
  steady_time armed_until_ = steady_time::max();  // when the timer rings; max: it does not
  std::unique_ptr<timer> timer_;                  // made by the first wait with a deadline
};

}  // namespace throughline::aio
