#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <vector>

#include "base/json.hpp"
#include "http/server.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

aio::awaitable<> ok(exchange& with) {
  response reply;
  reply.body = "ok";
  co_await with.respond(std::move(reply));
}

TEST(server_limits, refuse_a_connection_too_many) {
  served served(ok, server_limits{.connections_max = 2});
  raw_client first(served.port());
  auto second = std::make_unique<raw_client>(served.port());
  first.get("/");
  second->get("/");
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(second->read_response().status, 200);

  raw_client third(served.port());
  third.get("/");
  const auto refused = third.read_response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
  EXPECT_EQ(json::parse(refused.body).at("code"), "overloaded");
  EXPECT_TRUE(third.sees_end());
  EXPECT_FALSE(third.was_reset());

  second->close();
  EXPECT_TRUE(comes_true([&] { return served.get().connections() == 1; }));
  raw_client fourth(served.port());
  fourth.get("/");
  EXPECT_EQ(fourth.read_response().status, 200);
}

TEST(server_limits, tell_a_whole_crowd) {
  served served(ok, server_limits{.connections_max = 2}, 1);
  raw_client first(served.port());
  raw_client second(served.port());
  for (auto* const admitted : {&first, &second}) {
    admitted->get("/");
    EXPECT_EQ(admitted->read_response().status, 200);
  }
  // They only come, and are told without having asked: more than can be waited for.
  std::vector<std::unique_ptr<raw_client>> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(std::make_unique<raw_client>(served.port()));
  for (const auto& one : crowd) {
    const auto refused = one->read_response();
    EXPECT_EQ(refused.status, 503);
    EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
    EXPECT_EQ(json::parse(refused.body).at("code"), "overloaded");
  }
}

TEST(server_limits, count_connections_by_address) {
  served served(ok, server_limits{.connections_per_address_max = 1});
  raw_client first(served.port());
  first.get("/");
  EXPECT_EQ(first.read_response().status, 200);
  raw_client same(served.port());
  same.get("/");
  const auto refused = same.read_response();
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 5\r\n"));
  EXPECT_EQ(json::parse(refused.body).at("code"), "too_many_requests");
  raw_client other(served.port(), "127.0.0.2");
  other.get("/");
  EXPECT_EQ(other.read_response().status, 200);
}

TEST(server_limits, close_what_is_idle_for_long) {
  served served(ok, server_limits{.keep_alive_timeout = milliseconds(50)});
  raw_client silent(served.port());
  raw_client once(served.port());
  once.get("/");
  EXPECT_EQ(once.read_response().status, 200);
  EXPECT_TRUE(once.sees_end());
  EXPECT_FALSE(once.was_reset());
  EXPECT_TRUE(silent.sees_end());
}

TEST(server_limits, a_head_that_takes_too_long_is_408) {
  served served(ok, server_limits{.head_timeout = milliseconds(100)});
  raw_client client(served.port());
  client.send("GET / HT");
  const auto late = client.read_response();
  EXPECT_EQ(late.status, 408);
  EXPECT_THAT(late.head, HasSubstr("Connection: close"));
  EXPECT_EQ(json::parse(late.body).at("code"), "request_timeout");
  EXPECT_TRUE(client.sees_end());
  EXPECT_FALSE(client.was_reset());
}

TEST(server_limits, a_head_that_drips_gets_no_more_time) {
  served served(ok, server_limits{.head_timeout = milliseconds(200)});
  raw_client client(served.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nA: ");
  // Never silent for long, and never done.
  EXPECT_TRUE(comes_true([&] {
    if (client.hears_within(milliseconds(5))) return true;
    client.send("x");
    return false;
  }));
  EXPECT_EQ(client.read_response().status, 408);
}

TEST(server_limits, a_body_that_takes_too_long_is_408) {
  served served(ok, server_limits{.body_timeout = milliseconds(100)});
  raw_client client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_TRUE(client.sees_end());
}

TEST(server_limits, a_body_gets_more_time_for_what_has_come) {
  // 100 KiB at once are worth six seconds: enough for the rest, whatever this machine does.
  served served(ok, server_limits{.body_timeout = milliseconds(500)});
  raw_client client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 102401\r\n\r\n" +
              std::string(102400, 'x'));
  std::this_thread::sleep_for(milliseconds(700));
  client.send("y");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST(server_limits, cut_a_reader_that_drips_a_whole_response) {
  const auto large = [](exchange& with) -> aio::awaitable<> {
    response reply;
    reply.body.assign(32 * 1024 * 1024, 'x');
    co_await with.respond(std::move(reply));
  };
  served served(large, server_limits{.bytes_per_second_min = 1024 * 1024 * 1024,
                                     .write_timeout = milliseconds(300)});
  raw_client client(served.port(), "127.0.0.1", 16 * 1024);
  client.get("/");
  // Something is taken all the time: only all of it takes too long.
  std::size_t taken = 0;
  for (auto piece = client.read_exactly(4096); !piece.empty(); piece = client.read_exactly(4096)) {
    taken += piece.size();
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_LT(taken, 32U * 1024 * 1024);
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(comes_true([&] { return served.get().connections() == 0; }));
}

TEST(server_limits, the_head) {
  served served(ok, server_limits{.head_bytes_max = 500});
  raw_client client(served.port());
  client.send("GET /" + std::string(600, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 414);
  EXPECT_TRUE(client.sees_end());
  raw_client other(served.port());
  other.send("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(600, 'x') + "\r\n\r\n");
  EXPECT_EQ(other.read_response().status, 431);
  EXPECT_TRUE(other.sees_end());
}

TEST(server_limits, running_out_of_descriptors_is_survived) {
  served served(ok, {}, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  raw_client waiting(served.port());  // taken before: proves that accept works
  waiting.get("/");
  EXPECT_EQ(waiting.read_response().status, 200);
  const int next_free = ::dup(0);
  ::close(next_free);
  // One more descriptor: enough for the client's end of a connection, not for the server's.
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(next_free) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (int i = 0; i < 3; ++i) {
    raw_client client(served.port());
    client.get("/");
    const auto refused = client.read_response();
    EXPECT_EQ(refused.status, 503);
    EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
    EXPECT_EQ(json::parse(refused.body).at("code"), "overloaded");
    EXPECT_TRUE(client.sees_end());
    EXPECT_FALSE(client.was_reset());
    client.close();
    waiting.get("/");  // who is in is served
    EXPECT_EQ(waiting.read_response().status, 200);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(comes_true([&] {
    raw_client client(served.port());
    client.get("/");
    return client.read_response().status == 200;
  }));
}

}  // namespace
}  // namespace throughline::http
