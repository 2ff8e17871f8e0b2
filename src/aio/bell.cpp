#include "aio/bell.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <utility>

#include "base/assert.hpp"

namespace throughline::aio {

std::shared_ptr<bell> bell::create(event_loop& loop) {
  return std::shared_ptr<bell>(new bell(loop));
}

void bell::ring() {
  if (!rung_.exchange(true, std::memory_order_acq_rel)) loop_.deliver(shared_from_this());
}

awaitable<bool> bell::wait_until(steady_time deadline) {
  return sleep_until(shared_from_this(), deadline);
}

awaitable<bool> bell::wait_until(steady_time deadline, const std::function<bool()>& look) {
  // Unset however the wait ends, also if its coroutine dies.
  struct in_force {
    bell& self;
    ~in_force() { self.predicate_ = nullptr; }
  };
  const auto self = shared_from_this();
  predicate own{look, nullptr};
  predicate_ = &own;
  const in_force until_the_end{*this};
  const bool is_rung = co_await sleep_until(self, deadline);
  if (own.thrown) std::rethrow_exception(own.thrown);
  co_return is_rung;
}

/// `self` is this: the coroutine keeps it alive.
awaitable<bool> bell::sleep_until(std::shared_ptr<bell> self, steady_time deadline) {
  THROUGHLINE_ASSERT(loop_.is_current() && !waiting_);
  while (rung_.exchange(false, std::memory_order_acq_rel)) {
    if (holds()) co_return true;
  }
  // A ring from now on is delivered after this coroutine has gone to sleep.
  if (deadline != steady_time::max()) {
    if (std::chrono::steady_clock::now() >= deadline) co_return false;
    deadline_ = deadline;
    if (deadline < armed_until_) arm();
  } else {
    deadline_ = deadline;
  }
  const bool is_rung = co_await suspend(cancelling::heard);
  if (is_rung) co_return true;
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_return false;
}

awaitable<> bell::wait() {
  [[maybe_unused]] const bool is_rung = co_await wait_until(steady_time::max());
}

awaitable<> bell::wait_uncancelled() {
  const auto self = shared_from_this();
  THROUGHLINE_ASSERT(loop_.is_current() && !waiting_);
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  if (!rung_.exchange(false, std::memory_order_acq_rel)) {
    deadline_ = steady_time::max();
    co_await suspend(cancelling::ignored);
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

awaitable<bool> bell::suspend(cancelling how) {
  const auto begin = [this, how](handler&& resume) {
    is_cancelled_ = false;
    if (how == cancelling::heard) {
      auto slot = asio::get_associated_cancellation_slot(resume);
      if (slot.is_connected()) {
        // Whoever cancels is in the middle of something: the waiter is resumed when the loop comes
        // round.
        slot.assign([this](asio::cancellation_type) {
          is_cancelled_ = true;
          loop_.deliver(shared_from_this());
        });
      }
    }
    waiting_.emplace(std::move(resume));
    loop_.add_waiter(*this);
  };
  return asio::async_initiate<const std::decay_t<decltype(use_awaitable)>, void(bool)>(
      begin, use_awaitable);
}

void bell::on_ring(std::function<void()> call) {
  THROUGHLINE_ASSERT(loop_.is_current());
  on_ring_ = std::move(call);
  if (on_ring_ && is_rung()) loop_.deliver(shared_from_this());
}

void bell::wake() {
  if (!waiting_) {
    if (!on_ring_ || !rung_.exchange(false, std::memory_order_acq_rel)) return;
    const auto call = on_ring_;  // which may replace it
    return call();
  }
  // Only the flag counts: a delivery may be left over from a ring that was heard already.
  const bool is_rung = rung_.exchange(false, std::memory_order_acq_rel) && holds();
  if (is_rung || is_cancelled_) complete(is_rung);
}

bool bell::holds() {
  if (predicate_ == nullptr) return true;
  auto& now = *predicate_;
  try {
    return now.look();
  } catch (...) {
    now.thrown = std::current_exception();
    return true;
  }
}

void bell::complete(bool is_rung) {
  unlink();
  handler resume = std::move(*waiting_);
  waiting_.reset();
  std::move(resume)(is_rung);
}

void bell::abandon() noexcept {
  unlink();
  // The frames of the coroutine die here, and with them perhaps the bell.
  const std::optional<handler> dropped = std::exchange(waiting_, std::nullopt);
}

void bell::arm() {
  if (!timer_) timer_ = std::make_unique<timer>(loop_.get_executor());
  armed_until_ = deadline_;
  timer_->expires_at(deadline_);
  timer_->async_wait([weak = weak_from_this()](const error_code& moved) {
    const auto self = weak.lock();
    if (moved || !self) return;
    self->armed_until_ = steady_time::max();
    if (!self->waiting_ || self->deadline_ == steady_time::max()) return;
    if (std::chrono::steady_clock::now() < self->deadline_) return self->arm();
    self->complete(self->rung_.exchange(false, std::memory_order_acq_rel) && self->holds());
  });
}

}  // namespace throughline::aio
