#include "http/client.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "aio/asio.hpp"
#include "http/client_fixture.hpp"

namespace throughline::http {
namespace {

using namespace std::chrono_literals;
using testing::chunked_head;
using testing::scripted_connection;
using testing::scripted_server;
using testing::sized_response;

class client_test : public testing::each_client {};

/// `http_proxy` in the environment, for as long as it lives.
class proxy_variable {
 public:
  explicit proxy_variable(const std::string& url) {
    ::setenv("http_proxy", url.c_str(), 1);
    ::unsetenv("no_proxy");
    ::unsetenv("NO_PROXY");
  }
  ~proxy_variable() { ::unsetenv("http_proxy"); }
  proxy_variable(const proxy_variable&) = delete;
  proxy_variable& operator=(const proxy_variable&) = delete;
};

TEST_P(client_test, goes_through_the_proxy_of_the_environment) {
  std::string request;
  scripted_server proxy([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send(sized_response("200 OK", "", "by proxy"));
  });
  const proxy_variable set(proxy.url());
  const auto seen = fetch(get("http://model.invalid/v1/models"));
  EXPECT_EQ(seen.body, "by proxy");
  EXPECT_TRUE(request.starts_with("GET http://model.invalid/v1/models HTTP/1.1\r\n")) << request;
}

TEST_P(client_test, asks_a_server_of_this_machine_without_a_proxy) {
  scripted_server proxy([](scripted_connection& connection) { connection.reset(); });
  scripted_server server([](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "", "direct"));
  });
  const proxy_variable set(proxy.url());
  EXPECT_EQ(fetch(get(server.url())).body, "direct");
  EXPECT_EQ(fetch(get("http://localhost:" + std::to_string(server.port()))).body, "direct");
  EXPECT_EQ(proxy.connections(), 0);
}

TEST_P(client_test, posts_and_reads_a_response) {
  std::string request;
  scripted_server server([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(sized_response("201 Created", "X-Thing: a\r\nx-thing:  b \r\n", "hello"));
  });
  client_request post;
  post.url = server.url("/v1/things?a=b");
  post.headers = {{"Content-Type", "application/json"}, {"X-Key", "k"}};
  post.body = "{\"a\":1}";
  const auto seen = fetch(post);
  ASSERT_TRUE(seen.head) << seen.failure->detail;
  EXPECT_EQ(seen.head->status, 201);
  EXPECT_EQ(seen.head->headers.find("X-THING"), "a");
  EXPECT_EQ(seen.head->headers.count("x-thing"), 2U);
  EXPECT_EQ(seen.body, "hello");
  EXPECT_FALSE(seen.failure);
  EXPECT_TRUE(request.starts_with("POST /v1/things?a=b HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(request.find("X-Key: k\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_P(client_test, hands_over_pieces_as_they_arrive) {
  std::atomic<int> taken{0};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    for (int i = 0; i < 5; ++i) {
      while (taken < i) std::this_thread::yield();
      connection.send_chunk("piece" + std::to_string(i));
    }
    while (taken < 5) std::this_thread::yield();
    connection.send_chunk("");
  });
  std::string body;
  const auto work = [](http_client& client, client_request request, std::atomic<int>& count,
                       std::string& all) -> aio::awaitable<> {
    const auto stream = client.start(std::move(request));
    const auto head = co_await stream->head();
    EXPECT_TRUE(head);
    while (true) {
      const auto piece = co_await stream->read();
      EXPECT_TRUE(piece);
      if (!piece || piece->empty()) co_return;
      all += *piece + "|";
      ++count;
    }
  };
  on_.run(work(*client_, get(server.url()), taken, body));
  EXPECT_EQ(body, "piece0|piece1|piece2|piece3|piece4|");
}

TEST_P(client_test, uses_a_connection_again) {
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      connection.send(sized_response("200 OK", "", "x"));
    }
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch(get(server.url())).body, "x");
  EXPECT_EQ(server.connections(), 1);
  client_.reset();
}

TEST_P(client_test, uses_a_connection_again_whose_body_was_not_wanted) {
  std::atomic<int> requests{0};
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      ++requests;
      connection.send(chunked_head());
      connection.send_chunk("wanted");
      connection.send_chunk(std::string(1000, 'u'));
      connection.send_chunk("");
    }
  });
  const auto work = [&](http_client& client, std::string url) -> aio::awaitable<> {
    // Whether the body has ended when the next request begins is a matter of time: sooner or later
    // it has.
    while (requests <= server.connections() && requests < 1000) {
      client_request request;
      request.url = url;
      auto stream = client.start(std::move(request));
      const auto head = co_await stream->head();
      EXPECT_TRUE(head);
      stream->let_end();
      stream.reset();
      co_await aio::sleep_for(5ms);
    }
  };
  on_.run(work(*client_, server.url()));
  EXPECT_LT(server.connections(), requests);
  client_.reset();
}

TEST_P(client_test, closes_a_connection_whose_unwanted_body_does_not_end) {
  std::atomic<bool> closed{false};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    closed = connection.wait_for_close();
  });
  const auto work = [](http_client& client, client_request request,
                       std::atomic<bool>& seen) -> aio::awaitable<> {
    auto stream = client.start(std::move(request));
    const auto head = co_await stream->head();
    EXPECT_TRUE(head);
    stream->let_end();
    stream.reset();
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!seen && std::chrono::steady_clock::now() < deadline) co_await aio::sleep_for(5ms);
  };
  on_.run(work(*client_, get(server.url()), closed));
  EXPECT_TRUE(closed);
}

TEST_P(client_test, may_be_destroyed_while_an_unwanted_body_ends) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    EXPECT_TRUE(connection.wait_for_close());
  });
  const auto work = [](http_client& client, client_request request) -> aio::awaitable<> {
    auto stream = client.start(std::move(request));
    const auto head = co_await stream->head();
    EXPECT_TRUE(head);
    stream->let_end();
  };
  on_.run(work(*client_, get(server.url())));
  client_.reset();
}

THROUGHLINE_ON_EACH_CLIENT(client_test);

}  // namespace
}  // namespace throughline::http
