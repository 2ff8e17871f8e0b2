// The server behind a proxy that it trusts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aio/bell.hpp"
#include "http/server.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

/// Who has asked, and how; `/stay` streams until its client goes.
aio::awaitable<> tell(exchange& with) {
  response reply;
  if (with.incoming().path == "/stay") {
    const std::array<boost::asio::const_buffer, 1> hello{boost::asio::const_buffer("hello", 5)};
    co_await with.begin_stream(std::move(reply), hello);
    const auto bell = aio::bell::create(with.loop());
    while (true) co_await bell->wait();
  }
  reply.body = with.incoming().remote_address + (with.incoming().is_secure ? " https" : " http");
  co_await with.respond(std::move(reply));
}

std::string request_for(const std::string& client, const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + client +
         "\r\nX-Forwarded-Proto: https\r\n\r\n";
}

class server_behind_a_proxy : public ::testing::Test {
 protected:
  static server_options options() {
    server_options made;
    made.limits.connections_per_address_max = 1;
    made.proxies = *trusted_proxies::parse({"127.0.0.2"});
    if (tests_use_tls()) made.tls = test_identity().load();
    return made;
  }
  served served_{options(), tell};
};

TEST_F(server_behind_a_proxy, believes_it_and_nobody_else) {
  raw_client proxy(served_.port(), "127.0.0.2");
  proxy.send(request_for("192.0.2.1"));
  EXPECT_EQ(proxy.read_response().body, "192.0.2.1 https");
  proxy.send(request_for("192.0.2.2"));
  EXPECT_EQ(proxy.read_response().body, "192.0.2.2 https");
  raw_client stranger(served_.port(), "127.0.0.3");
  stranger.send(request_for("192.0.2.1"));
  EXPECT_EQ(stranger.read_response().body, tests_use_tls() ? "127.0.0.3 https" : "127.0.0.3 http");
}

TEST_F(server_behind_a_proxy, counts_its_clients_and_not_its_connections) {
  raw_client first(served_.port(), "127.0.0.2");
  first.send(request_for("192.0.2.1", "/stay"));
  EXPECT_EQ(first.read_head().status, 200);
  raw_client second(served_.port(), "127.0.0.2");
  second.send(request_for("192.0.2.1"));
  const auto refused = second.read_response();
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, ::testing::HasSubstr("Retry-After: "));
  second.send(request_for("192.0.2.2"));
  EXPECT_EQ(second.read_response().status, 200) << "another client, over the same connection";
  first.close();
  EXPECT_TRUE(comes_true([&] {
    second.send(request_for("192.0.2.1"));
    return second.read_response().status == 200;
  }));
}

}  // namespace
}  // namespace throughline::http
