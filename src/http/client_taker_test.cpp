// What is handed to a taker while its reader sleeps. The server sends only once the reader does, so
// that nothing lies ready for it before.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "aio/asio.hpp"
#include "http/client_fixture.hpp"

namespace throughline::http {
namespace {

using namespace std::chrono_literals;
using testing::chunked_head;
using testing::scripted_connection;
using testing::scripted_server;

class client_taker_test : public testing::each_client {
 protected:
  /// The next that is posted to a loop runs when its coroutine has gone to sleep.
  void will_sleep() {
    aio::event_loop::current()->post([this] { ++asleep_; });
  }
  static void until(const std::atomic<int>& value, int least) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (value < least && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_GE(value, least);
  }
  /// The connection is closed by the client once it has been told `begun`.
  static void begin_only(scripted_connection& connection, const std::atomic<int>& asleep) {
    connection.read_request();
    connection.send(chunked_head());
    until(asleep, 1);
    connection.send_chunk("begun");
    connection.wait_for_close();
  }
  aio::awaitable<> read_until_taken(client_stream& stream, body_taker taker) {
    [[maybe_unused]] const auto head = co_await stream.head();
    will_sleep();
    end_ = co_await stream.read(std::move(taker));
  }

  std::atomic<int> asleep_{0};
  std::atomic<int> taken_{0};
  std::optional<result<std::string>> end_;
};

TEST_P(client_taker_test, is_handed_what_comes_until_it_has_enough) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    until(asleep_, 1);
    connection.send_chunk("one ");
    until(taken_, 1);
    connection.send_chunk("two ");
    until(taken_, 2);
    connection.send_chunk("three ");
    connection.send_chunk("four");
    until(asleep_, 2);
    connection.send_chunk(" five");
    until(taken_, 3);
    connection.send_chunk("");
  });
  std::string first;
  std::string rest;
  const auto work = [&](client_request request) -> aio::awaitable<> {
    const auto stream = client_->start(std::move(request));
    co_await read_until_taken(*stream, [&](std::string_view piece) {
      first += piece;
      ++taken_;
      return first.find("two") == std::string::npos;
    });
    EXPECT_TRUE(*end_ && (*end_)->empty());
    co_await read_until_taken(*stream, [&](std::string_view piece) {
      rest += piece;
      if (rest.ends_with("five")) taken_ = 3;
      return true;
    });
    EXPECT_TRUE(*end_ && (*end_)->empty());
  };
  on_.run(work(get(server.url())));
  EXPECT_EQ(first, "one two ");
  EXPECT_EQ(rest, "three four five");
}

TEST_P(client_taker_test, a_body_that_breaks_off_fails_the_read) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    until(asleep_, 1);
    connection.send_chunk("begun");
  });
  std::string body;
  const auto work = [&](client_request request) -> aio::awaitable<> {
    const auto stream = client_->start(std::move(request));
    co_await read_until_taken(*stream, [&](std::string_view piece) {
      body += piece;
      return true;
    });
  };
  on_.run(work(get(server.url())));
  EXPECT_EQ(body, "begun");
  ASSERT_FALSE(*end_);
  EXPECT_EQ(end_->error().code, errc::provider_truncated);
}

TEST_P(client_taker_test, what_it_throws_is_thrown_by_read) {
  scripted_server server([&](scripted_connection& to) { begin_only(to, asleep_); });
  bool thrown = false;
  const auto work = [&](client_request request) -> aio::awaitable<> {
    request.idle_timeout = 5s;
    const auto stream = client_->start(std::move(request));
    try {
      co_await read_until_taken(*stream,
                                [](std::string_view) -> bool { throw std::out_of_range("seen"); });
    } catch (const std::out_of_range&) {
      thrown = true;
    }
  };
  on_.run(work(get(server.url())));
  EXPECT_TRUE(thrown);
}

TEST_P(client_taker_test, may_cancel_the_stream) {
  scripted_server server([&](scripted_connection& to) { begin_only(to, asleep_); });
  const auto work = [&](client_request request) -> aio::awaitable<> {
    const auto stream = client_->start(std::move(request));
    co_await read_until_taken(*stream, [&stream](std::string_view) {
      stream->cancel();
      return true;
    });
  };
  on_.run(work(get(server.url())));
  ASSERT_FALSE(*end_);
  EXPECT_EQ(end_->error().code, errc::cancelled);
}

THROUGHLINE_ON_EACH_CLIENT(client_taker_test);

}  // namespace
}  // namespace throughline::http
