// What only the client without libcurl has of its own: its connections.
#include <gtest/gtest.h>

#include "http/client_fixture.hpp"

namespace throughline::http {
namespace {

using namespace std::chrono_literals;
using testing::chunked_head;
using testing::outcome;
using testing::read_all;
using testing::scripted_connection;
using testing::scripted_server;
using testing::sized_response;

class direct_client_test : public testing::client_fixture {
 protected:
  direct_client_test() : client_fixture(testing::client_kind::direct) {}
};

/// Answers the first request on a connection and, on the first connection, closes at the second.
void answers_once_on_the_first(scripted_connection& connection, std::atomic<int>& connections) {
  const bool is_first = ++connections == 1;
  while (!connection.read_request().empty()) {
    connection.send(sized_response("200 OK", "", "x"));
    if (is_first && !connection.read_request().empty()) return connection.reset();
  }
}

TEST_F(direct_client_test, sends_a_request_again_that_a_used_connection_swallowed) {
  std::atomic<int> connections{0};
  scripted_server server(
      [&](scripted_connection& connection) { answers_once_on_the_first(connection, connections); });
  for (int i = 0; i < 3; ++i) {
    const auto seen = fetch(get(server.url()));
    EXPECT_EQ(seen.body, "x") << i;
    EXPECT_FALSE(seen.failure) << seen.failure->detail;
  }
  EXPECT_EQ(server.connections(), 2);
  client_.reset();
}

TEST_F(direct_client_test, sends_it_again_no_more_than_once) {
  std::atomic<int> requests{0};
  std::atomic<bool> answers{true};
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      ++requests;
      if (!answers) return connection.reset();
      connection.send(sized_response("200 OK", "", "x"));
    }
  });
  EXPECT_EQ(fetch(get(server.url())).body, "x");
  answers = false;
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_TRUE(seen.failure->detail.starts_with("127.0.0.1:")) << seen.failure->detail;
  EXPECT_NE(seen.failure->detail.find("closed the connection before it answered"),
            std::string::npos);
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(direct_client_test, does_not_send_again_what_was_being_answered) {
  std::atomic<int> requests{0};
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      if (++requests == 2) {
        connection.send("HTTP/1.1 20");
        return;
      }
      connection.send(sized_response("200 OK", "", "x"));
    }
  });
  EXPECT_EQ(fetch(get(server.url())).body, "x");
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_EQ(requests, 2);
}

TEST_F(direct_client_test, does_not_send_again_on_a_connection_of_its_own) {
  std::atomic<int> requests{0};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    ++requests;
  });
  EXPECT_TRUE(fetch(get(server.url())).failure);
  EXPECT_EQ(requests, 1);
}

TEST_F(direct_client_test, does_not_use_a_connection_that_was_closed_meanwhile) {
  std::atomic<int> requests{0};
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    ++requests;
    connection.send(sized_response("200 OK", "", "x"));
  });
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(fetch(get(server.url())).body, "x");
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(requests, 3);
}

TEST_F(direct_client_test, does_not_use_a_connection_again_that_is_to_be_closed) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "Connection: close\r\n", "x"));
    EXPECT_TRUE(connection.wait_for_close());
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(fetch(get(server.url())).body, "x");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(direct_client_test, does_not_use_a_connection_again_whose_request_was_cut_short) {
  std::atomic<bool> is_over{false};
  scripted_server server([&](scripted_connection& connection) {
    // Answers without reading: more is on its way than any buffer holds.
    connection.send(sized_response("413 Too Large", "", "no"));
    while (!is_over) std::this_thread::yield();
  });
  auto request = get(server.url());
  request.verb = method::post;
  request.body = std::string(32 * 1024 * 1024, 'b');
  request.first_byte_timeout = 5s;
  for (int i = 0; i < 2; ++i) {
    const auto seen = fetch(request);
    EXPECT_TRUE(seen.head && seen.head->status == 413);
    EXPECT_EQ(seen.body, "no");
  }
  is_over = true;
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(direct_client_test, sends_a_request_that_is_larger_than_any_buffer) {
  std::atomic<std::size_t> received{0};
  scripted_server server([&](scripted_connection& connection) {
    received = connection.read_request().size();
    connection.send(sized_response("200 OK", "", "x"));
  });
  auto request = get(server.url());
  request.verb = method::post;
  request.body = std::string(32 * 1024 * 1024, 'b');
  EXPECT_EQ(fetch(request).body, "x");
  EXPECT_GT(received, request.body.size());
}

TEST_F(direct_client_test, gives_up_on_a_server_that_does_not_read) {
  std::atomic<bool> has_given_up{false};
  scripted_server server([&](scripted_connection&) {
    while (!has_given_up) std::this_thread::yield();
  });
  auto request = get(server.url());
  request.verb = method::post;
  request.body = std::string(32 * 1024 * 1024, 'b');
  request.first_byte_timeout = 150ms;
  const auto seen = fetch(request);
  has_given_up = true;
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_timeout);
  EXPECT_NE(seen.failure->detail.find("did not answer within 150 ms"), std::string::npos);
}

TEST_F(direct_client_test, gives_up_connecting_in_time) {
  // A queue of one that is full: the kernel drops what else knocks.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener, raw, size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ASSERT_EQ(::getsockname(listener, raw, &size), 0);
  std::vector<int> knocking;
  for (int i = 0; i < 4; ++i) {
    knocking.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(knocking.back(), raw, size);
  }
  auto request = get("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  request.connect_timeout = 150ms;
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_NE(seen.failure->detail.find(" within 150 ms"), std::string::npos) << seen.failure->detail;
  for (const int one : knocking) ::close(one);
  ::close(listener);
}

TEST_F(direct_client_test, finds_a_server_of_this_machine_at_its_second_address) {
  const int listener = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, raw, size) != 0) {
    ::close(listener);
    GTEST_SKIP() << "this machine has no IPv6";
  }
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, raw, &size), 0);
  std::thread serves([listener] {
    scripted_connection connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    connection.read_request();
    connection.send(sized_response("200 OK", "", "second"));
  });
  const auto seen = fetch(get("http://localhost:" + std::to_string(ntohs(address.sin6_port))));
  EXPECT_EQ(seen.body, "second");
  // Wakes the server up if the client never came.
  ::shutdown(listener, SHUT_RDWR);
  serves.join();
  ::close(listener);
}

TEST_F(direct_client_test, a_response_cut_at_every_byte_is_the_same) {
  const std::string whole = chunked_head() + "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n";
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      for (const char byte : whole) connection.send({&byte, 1});
    }
  });
  for (int i = 0; i < 3; ++i) {
    const auto seen = fetch(get(server.url()));
    EXPECT_FALSE(seen.failure) << seen.failure->detail;
    EXPECT_EQ(seen.body, "hello world");
  }
  EXPECT_EQ(server.connections(), 1);
  client_.reset();
}

TEST_F(direct_client_test, a_pause_loses_nothing_of_a_response_that_has_ended) {
  const std::string body(300'000, 'b');
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "", body));
  });
  auto request = get(server.url());
  request.buffered_bytes_max = 1000;
  const auto seen = fetch(request);
  EXPECT_FALSE(seen.failure) << seen.failure->detail;
  EXPECT_EQ(seen.body, body);
  EXPECT_GT(seen.reads, 8);
}

TEST_F(direct_client_test, refuses_a_compression_it_does_not_know) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "Content-Encoding: br\r\n", "????"));
  });
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_bad_response);
  EXPECT_NE(seen.failure->detail.find("compressed in a way"), std::string::npos);
}

TEST_F(direct_client_test, many_requests_at_once_share_what_is_left_of_their_connections) {
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      connection.send(sized_response("200 OK", "", "x"));
    }
  });
  const auto work = [](http_client& client, std::string url) -> aio::awaitable<> {
    std::vector<std::unique_ptr<client_stream>> streams;
    for (int i = 0; i < 20; ++i) {
      client_request request;
      request.verb = method::get;
      request.url = url;
      streams.push_back(client.start(std::move(request)));
    }
    for (const auto& stream : streams) {
      outcome seen;
      co_await read_all(*stream, seen);
      EXPECT_EQ(seen.body, "x");
    }
  };
  on_.run(work(*client_, server.url()));
  EXPECT_EQ(server.connections(), 20);
  on_.run(work(*client_, server.url()));
  EXPECT_EQ(server.connections(), 20);
  client_.reset();
}

}  // namespace
}  // namespace throughline::http
