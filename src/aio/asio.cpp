#include "aio/asio.hpp"

namespace throughline::aio {

awaitable<> sleep_until(steady_time when) {
  const executor here = co_await asio::this_coro::executor;
  timer alarm(here, when);
  co_await alarm.async_wait(use_awaitable);
}

awaitable<> sleep_for(std::chrono::steady_clock::duration duration) {
  co_await sleep_until(std::chrono::steady_clock::now() + duration);
}

}  // namespace throughline::aio
