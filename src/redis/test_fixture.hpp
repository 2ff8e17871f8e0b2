// For the tests of the client and the subscriptions: a server, loops, a client on the first of
// them, and waiting for what must come true.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <memory>
#include <thread>

#include "redis/client.hpp"
#include "redis/server_fixture.hpp"

namespace throughline::redis {

using namespace std::chrono_literals;

/// Passed only by a test that hangs.
inline constexpr auto hang = 60s;

template <class T>
T await_on(aio::event_loop& loop, aio::awaitable<T> work) {
  auto future = aio::asio::co_spawn(loop.get_executor(), std::move(work), aio::asio::use_future);
  if (future.wait_for(hang) != std::future_status::ready) {
    ADD_FAILURE() << "hangs";
    std::abort();
  }
  return future.get();
}

template <class Condition>
[[nodiscard]] bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + hang;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

class redis_client : public ::testing::Test {
 protected:
  ~redis_client() override { stop(); }

  /// Deadlines that are not met on a busy machine decide no test: they are long unless one is about
  /// them.
  static client_options patient() {
    client_options options;
    options.lane.command_timeout = 30s;
    options.lane.link.connect_timeout = 30s;
    return options;
  }

  void start(server_process& with, client_options options = patient()) {
    start(with.where(), options);
  }
  void start(server to, client_options options = patient()) {
    stop();
    std::vector<aio::event_loop*> own{&loops[0]};
    redis = std::make_unique<client>(own, std::move(to), options);
  }
  void stop() {
    if (redis) await_on(loops[0], redis->stop());
    redis.reset();
  }

  result<value> ask(command what) { return await_on(loops[0], redis->ask(std::move(what))); }
  result<value> ask(std::initializer_list<std::string_view> words) {
    command what(*words.begin());
    for (const auto* word = words.begin() + 1; word != words.end(); ++word) what.add(*word);
    return ask(std::move(what));
  }
  std::string text_of(std::initializer_list<std::string_view> words) {
    const auto got = ask(words);
    return got ? got->text : "failed: " + got.error().detail;
  }
  /// Asks until it is answered well.
  bool is_back() {
    return comes_true([&] {
      const auto got = ask({"PING"});
      return got && got->text == "PONG";
    });
  }

  aio::event_loops loops{2, "test"};
  std::unique_ptr<client> redis;
};

}  // namespace throughline::redis
