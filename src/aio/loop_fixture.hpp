// For tests: runs coroutines on an event loop of the test's own thread. A test that hangs fails
// after half a minute instead of waiting for ever; nothing else depends on time.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"

namespace throughline::aio {

class loop_test : public testing::Test {
 public:
  /// Runs the loop until `body` has ended, and throws what it threw.
  void run(awaitable<> body) {
    constexpr std::chrono::seconds patience(30);
    timer watchdog(loop_.get_executor(), patience);
    watchdog.async_wait([this](const error_code& ec) {
      if (!ec) loop_.stop();
    });
    bool ended = false;
    std::exception_ptr failure;
    asio::co_spawn(loop_.get_executor(), std::move(body), [&](const std::exception_ptr& thrown) {
      ended = true;
      failure = thrown;
      loop_.stop();
    });
    loop_.run();
    ASSERT_TRUE(ended) << "the coroutine hangs";
    if (failure) std::rethrow_exception(failure);
  }

  /// Lets everything else on the loop run until `condition` holds.
  template <class Condition>
  awaitable<> until(Condition condition) {
    const executor here = loop_.get_executor();
    while (!condition()) co_await asio::post(here, use_awaitable);
  }

  /// Lets everything that is ready run, and what becomes ready by that.
  awaitable<> settle() {
    const executor here = loop_.get_executor();
    for (int i = 0; i < 20; ++i) co_await asio::post(here, use_awaitable);
  }

  event_loop loop_;
};

/// Sets a flag when it dies: what a coroutine's frame leaves behind.
class death_mark {
 public:
  explicit death_mark(bool& died) : died_(&died) {}
  death_mark(death_mark&& other) noexcept : died_(std::exchange(other.died_, nullptr)) {}
  death_mark& operator=(death_mark&&) = delete;
  ~death_mark() {
    if (died_ != nullptr) *died_ = true;
  }

 private:
  bool* died_;
};

}  // namespace throughline::aio
