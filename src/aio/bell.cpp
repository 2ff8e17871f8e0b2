#include "aio/bell.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "base/assert.hpp"

namespace throughline::aio {

std::shared_ptr<bell> bell::create(event_loop& loop) {
  return std::shared_ptr<bell>(new bell(loop));
}

void bell::ring() {
  if (!rung_.exchange(true, std::memory_order_acq_rel)) loop_.deliver(shared_from_this());
}

awaitable<bool> bell::wait_until(steady_time deadline) {
  const auto self = shared_from_this();
  THROUGHLINE_ASSERT(loop_.is_current());
  // A wake-up may be left over from a ring that an earlier wait has already heard: only the flag
  // counts.
  while (true) {
    if (rung_.exchange(false, std::memory_order_acq_rel)) co_return true;
    if (std::chrono::steady_clock::now() >= deadline) co_return false;
    timer_.expires_at(deadline);
    [[maybe_unused]] const auto [ec] = co_await timer_.async_wait(as_tuple);
    if (rung_.exchange(false, std::memory_order_acq_rel)) co_return true;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
}

awaitable<> bell::wait() {
  co_await wait_until(steady_time::max());
}

awaitable<> bell::wait_uncancelled() {
  const auto self = shared_from_this();
  THROUGHLINE_ASSERT(loop_.is_current());
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const asio::cancellation_slot deaf;
  while (!rung_.exchange(false, std::memory_order_acq_rel)) {
    timer_.expires_at(steady_time::max());
    [[maybe_unused]] const auto [ec] =
        co_await timer_.async_wait(asio::bind_cancellation_slot(deaf, as_tuple));
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

}  // namespace throughline::aio
