#include "http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/json.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

aio::awaitable<> say(exchange& with, int status, std::string text) {
  response reply;
  reply.status = status;
  reply.headers.add("Content-Type", "text/plain");
  reply.body = std::move(text);
  co_await with.respond(std::move(reply));
}

/// Says what it was asked: method, path, the parameter q, and the body.
aio::awaitable<> echo(exchange& with) {
  const auto& asked = with.incoming();
  if (asked.path == "/throws") throw std::runtime_error("as told");
  if (asked.path == "/silent") co_return;
  if (asked.path == "/aborted") {
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
  if (asked.path == "/empty") {
    co_await say(with, 204, "");
    co_return;
  }
  if (asked.path == "/close") {
    response reply;
    reply.headers.add("Connection", "close");
    co_await with.respond(std::move(reply));
    co_return;
  }
  std::string text(to_string(asked.verb));
  text += " " + asked.path + " ";
  text += asked.query.find("q").value_or("-");
  text += " " + asked.body;
  co_await say(with, 200, text);
}

class a_server : public ::testing::Test {
 protected:
  served served_{echo};
  raw_client client_{served_.port()};
};

TEST_F(a_server, keeps_a_connection_alive) {
  for (int i = 0; i < 3; ++i) {
    client_.get("/a?q=" + std::to_string(i));
    const auto got = client_.read_response();
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "GET /a " + std::to_string(i) + " ");
    EXPECT_THAT(got.head, Not(HasSubstr("Connection:")));
  }
  EXPECT_EQ(served_.get().connections(), 1U);
  client_.close();
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
}

TEST_F(a_server, answers_pipelined_requests_in_order) {
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  }
  client_.send(all);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client_.read_response().body, "POST /p - " + std::to_string(10 + i));
  }
}

TEST_F(a_server, closes_when_the_client_asks) {
  client_.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto all = client_.read_to_end();
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client_.sees_end());
}

TEST_F(a_server, closes_when_the_handler_asks) {
  client_.get("/close");
  EXPECT_THAT(client_.read_to_end(), HasSubstr("Connection: close\r\n"));
}

TEST_F(a_server, answers_a_client_that_has_shut_down_its_sending_side) {
  client_.get("/a");
  client_.shutdown_sending();
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_TRUE(client_.sees_end());
}

TEST_F(a_server, leaves_the_body_out_for_head) {
  client_.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto head = client_.read_head();
  EXPECT_THAT(head.head, HasSubstr("Content-Length: 10\r\n"));
  const auto next = client_.read_response();
  EXPECT_EQ(next.status, 200);
  EXPECT_EQ(next.body, "GET /b - ");
}

TEST_F(a_server, sends_no_length_with_204) {
  client_.get("/empty");
  const auto got = client_.read_response();
  EXPECT_EQ(got.status, 204);
  EXPECT_THAT(got.head, Not(HasSubstr("Content-Length")));
  client_.get("/a");
  EXPECT_EQ(client_.read_response().status, 200);
}

TEST_F(a_server, serves_http_1_0) {
  client_.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto kept = client_.read_response();
  EXPECT_THAT(kept.head, HasSubstr("Connection: keep-alive\r\n"));
  client_.send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client_.read_response().body, "GET /b - ");
  EXPECT_TRUE(client_.sees_end());
}

TEST_F(a_server, takes_or_makes_a_request_id) {
  client_.send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine.1\r\n\r\n");
  EXPECT_THAT(client_.read_response().head, HasSubstr("X-Request-Id: mine.1\r\n"));
  client_.send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: not sane\r\n\r\n");
  const auto made = client_.read_response().head;
  EXPECT_THAT(made, ::testing::ContainsRegex("X-Request-Id: [0-9a-f-]*\r\n"));
  EXPECT_THAT(made, Not(HasSubstr("sane")));
}

TEST_F(a_server, says_continue_before_the_body) {
  client_.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client_.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client_.send("abc");
  EXPECT_EQ(client_.read_response().body, "POST / - abc");
}

TEST_F(a_server, refuses_a_large_body_without_asking_for_it) {
  client_.send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  const auto got = client_.read_response();
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(json::parse(got.body).at("code"), "payload_too_large");
}

TEST_F(a_server, delivers_the_413_to_a_client_that_goes_on_sending) {
  client_.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
  client_.send(std::string(3'000'000, 'x'));
  const auto got = client_.read_response();
  EXPECT_EQ(got.status, 413);
  EXPECT_THAT(got.head, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client_.sees_end());
  EXPECT_FALSE(client_.was_reset());
}

TEST_F(a_server, answers_bad_framing_with_a_problem_and_closes) {
  client_.send(
      "POST / HTTP/1.1\r\nHost: h\r\nX-Request-Id: r1\r\nContent-Length: 3\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto got = client_.read_response();
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.head, HasSubstr("application/problem+json"));
  EXPECT_THAT(got.head, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(client_.read_to_end(), "");
  EXPECT_TRUE(client_.sees_end());
}

TEST_F(a_server, answers_500_for_a_handler_that_breaks) {
  for (const auto* path : {"/throws", "/silent"}) {
    raw_client client(served_.port());
    client.get(path);
    const auto got = client.read_response();
    EXPECT_EQ(got.status, 500);
    EXPECT_EQ(json::parse(got.body).at("code"), "internal");
    EXPECT_TRUE(client.sees_end());
  }
}

TEST_F(a_server, closes_without_an_answer_for_an_aborted_handler) {
  client_.get("/aborted");
  EXPECT_EQ(client_.read_to_end(), "");
  EXPECT_TRUE(client_.sees_end());
}

TEST(start_server, says_that_a_port_is_taken) {
  served first(echo);
  aio::event_loops loops(1, "second");
  server_options options;
  options.port = first.port();
  const auto second = start_server(loops, options, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("127.0.0.1:" + std::to_string(first.port())));
}

TEST(start_server, says_that_an_address_is_none) {
  aio::event_loops loops(1, "second");
  server_options options;
  options.address = "not-an-address";
  const auto started = start_server(loops, options, echo);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::invalid_request);
}

}  // namespace
}  // namespace throughline::http
