#include <gtest/gtest.h>
#include <sys/resource.h>

#include "aio/asio.hpp"
#include "http/client_fixture.hpp"
#include "http/client_url.hpp"
#include "http/transfer_errors.hpp"

namespace throughline::http {
namespace {

using namespace std::chrono_literals;
using testing::chunked_head;
using testing::outcome;
using testing::scripted_connection;
using testing::scripted_server;
using testing::sized_response;

class client_failure_test : public testing::each_client {};

TEST_P(client_failure_test, names_the_host_it_could_not_connect_to) {
  const auto seen = fetch(get("http://user:secret@127.0.0.1:9/path?key=secret"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_EQ(seen.failure->detail, "could not connect to 127.0.0.1:9 (connection refused)");
}

TEST_P(client_failure_test, names_the_host_whose_address_is_unknown) {
  const auto seen = fetch(get("http://no-such-host.invalid/"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_EQ(seen.failure->detail, "could not find the address of no-such-host.invalid:80");
}

TEST_P(client_failure_test, a_lack_of_descriptors_is_ours_and_not_the_providers) {
  scripted_server server([](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "", "there"));
  });
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next_free = ::dup(0);
  ::close(next_free);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next_free), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto seen = fetch(get(server.url()));
  const auto named = fetch(get("http://localhost:" + std::to_string(server.port())));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const auto& failed : {seen, named}) {
    ASSERT_TRUE(failed.failure);
    EXPECT_EQ(failed.failure->code, errc::overloaded) << failed.failure->detail;
  }
  EXPECT_EQ(fetch(get(server.url())).body, "there");
}

TEST_P(client_failure_test, speaks_only_http) {
  for (const auto* const url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "", "http://", "::"}) {
    const auto seen = fetch(get(url));
    ASSERT_TRUE(seen.failure) << url;
    EXPECT_EQ(seen.failure->code, errc::invalid_request) << url;
  }
}

TEST_P(client_failure_test, refuses_headers_of_more_than_one_line) {
  auto request = get("http://127.0.0.1:9/");
  request.headers = {{"X-Key", "a\r\nX-Other: secret"}};
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::invalid_request);
  EXPECT_EQ(seen.failure->detail.find("secret"), std::string::npos);
}

TEST_P(client_failure_test, reports_a_failed_tls_handshake) {
  scripted_server server([&](scripted_connection& connection) {
    connection.send("this is not TLS, whatever it is\r\n\r\n");
    connection.wait_for_close();
  });
  const auto seen = fetch(get("https://127.0.0.1:" + std::to_string(server.port())));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_TRUE(seen.failure->detail.starts_with("could not make a secure connection to 127.0.0.1:"))
      << seen.failure->detail;
}

TEST_P(client_failure_test, does_not_follow_redirects) {
  scripted_server other([](scripted_connection&) { ADD_FAILURE() << "it was followed"; });
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("302 Found", "Location: " + other.url() + "\r\n", ""));
  });
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.head);
  EXPECT_EQ(seen.head->status, 302);
  EXPECT_EQ(other.connections(), 0);
}

// What a broken body is: each of these ends before its framing says so.
class broken_body : public testing::each_client_with<const char*> {};
TEST_P(broken_body, is_truncated_after_its_text_was_read) {
  for (const bool resets : {false, true}) {
    std::atomic<bool> read{false};
    scripted_server server([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(the_case());
      // A reset would throw away what the client has not read yet.
      while (resets && !read) std::this_thread::yield();
      if (resets) connection.reset();
    });
    outcome seen;
    const auto work = [](http_client& client, client_request request, std::atomic<bool>& has_read,
                         outcome& out) -> aio::awaitable<> {
      const auto stream = client.start(std::move(request));
      const auto head = co_await stream->head();
      EXPECT_TRUE(head);
      while (true) {
        const auto piece = co_await stream->read();
        if (!piece) out.failure = piece.error();
        if (!piece || piece->empty()) co_return;
        out.body += *piece;
        has_read = true;
      }
    };
    on_.run(work(*client_, get(server.url()), read, seen));
    EXPECT_EQ(seen.body, "hello");
    ASSERT_TRUE(seen.failure);
    EXPECT_EQ(seen.failure->code, errc::provider_truncated) << seen.failure->detail;
  }
}
INSTANTIATE_TEST_SUITE_P(
    client, broken_body,
    ::testing::Combine(
        testing::both_clients(),
        ::testing::Values(
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")));

TEST_P(client_failure_test, a_body_without_framing_ends_with_its_connection) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello");
  });
  const auto seen = fetch(get(server.url()));
  EXPECT_EQ(seen.body, "hello");
  EXPECT_FALSE(seen.failure);
}

TEST_P(client_failure_test, a_head_that_breaks_off_anywhere_is_unreachable) {
  const std::string head =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: y\r\n\r\n";
  // Fewer bytes than a status line's beginning are taken for an answer in HTTP/0.9.
  for (std::size_t cut = 9; cut < head.size(); ++cut) {
    scripted_server server([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(head.substr(0, cut));
    });
    const auto seen = fetch(get(server.url()));
    ASSERT_TRUE(seen.failure) << cut;
    EXPECT_EQ(seen.failure->code, errc::provider_unreachable) << cut;
    EXPECT_NE(seen.failure->detail.find("closed the connection before it answered"),
              std::string::npos)
        << cut << ": " << seen.failure->detail;
  }
}

TEST_P(client_failure_test, a_connection_closed_before_the_head_is_unreachable) {
  for (const auto* const bytes : {"", "HTTP/1.1 200 OK\r\nContent-"}) {
    scripted_server server([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(bytes);
      connection.reset();
    });
    const auto seen = fetch(get(server.url()));
    ASSERT_TRUE(seen.failure);
    EXPECT_EQ(seen.failure->code, errc::provider_unreachable) << seen.failure->detail;
  }
}

TEST_P(client_failure_test, what_is_not_http_is_a_bad_response) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("SSH-2.0-OpenSSH_9.2\r\n");
  });
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_bad_response) << seen.failure->detail;
}

TEST_P(client_failure_test, a_head_without_end_is_a_bad_response) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-Padding: " + std::string(1000, 'p') + "\r\n")) {
    }
  });
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_bad_response) << seen.failure->detail;
}

// The four timers. Each server stalls until the client closes; only the timer under test is short.
struct stall {
  const char* name;
  const char* bytes;
  std::chrono::milliseconds client_request::* timer;
  const char* detail;
};
class stalled : public testing::each_client_with<stall> {};
TEST_P(stalled, ends_by_its_timer) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(the_case().bytes);
    EXPECT_TRUE(connection.wait_for_close());
  });
  auto request = get(server.url());
  request.*the_case().timer = 150ms;
  if (the_case().timer == &client_request::first_byte_timeout) request.idle_timeout = 100ms;
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_timeout);
  EXPECT_NE(seen.failure->detail.find(the_case().detail), std::string::npos)
      << seen.failure->detail;
}
INSTANTIATE_TEST_SUITE_P(
    client, stalled,
    ::testing::Combine(
        testing::both_clients(),
        ::testing::Values(
            stall{"no_answer", "", &client_request::first_byte_timeout,
                  "did not answer within 150 ms"},
            stall{"half_a_head", "HTTP/1.1 200 OK\r\nX: y\r\n", &client_request::first_byte_timeout,
                  "did not answer within 150 ms"},
            stall{"no_body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                  &client_request::first_byte_timeout, "did not answer within 150 ms"},
            stall{"idle", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                  &client_request::idle_timeout, "sent nothing for 150 ms"},
            stall{"total", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                  &client_request::total_timeout, "took longer than 150 ms"})),
    [](const auto& info) {
      return std::get<1>(info.param).name + ("_" + testing::name_of(std::get<0>(info.param)));
    });

TEST_P(client_failure_test, a_dripping_head_does_not_outlast_the_first_byte_timer) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nX-Drip: ");
    while (connection.send("x")) std::this_thread::sleep_for(5ms);
  });
  auto request = get(server.url());
  request.first_byte_timeout = 150ms;
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_timeout);
}

TEST_P(client_failure_test, a_dripping_body_does_not_outlast_the_total_timer) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(chunked_head());
    while (connection.send_chunk("x")) std::this_thread::sleep_for(5ms);
  });
  auto request = get(server.url());
  request.idle_timeout = 5s;
  request.total_timeout = 300ms;
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_timeout);
  EXPECT_GT(seen.reads, 1);
}

TEST(url_endpoint, names_host_and_port_and_nothing_else) {
  EXPECT_EQ(*url_endpoint("https://api.openai.com/v1?x=y"), "api.openai.com:443");
  EXPECT_EQ(*url_endpoint("http://u:p@[::1]:8080/"), "[::1]:8080");
  EXPECT_FALSE(url_endpoint("gopher://x"));
}

TEST(url_endpoint, knows_this_machine) {
  for (const auto* const here : {"localhost:80", "127.0.0.1:11434", "127.9.9.9:1", "[::1]:8080"}) {
    EXPECT_TRUE(is_loopback_endpoint(here)) << here;
  }
  for (const auto* const elsewhere :
       {"api.openai.com:443", "128.0.0.1:80", "127.0.0.1.evil.example:80", "127.example:80",
        "localhost.example:80", "[::2]:80", ""}) {
    EXPECT_FALSE(is_loopback_endpoint(elsewhere)) << elsewhere;
  }
}

TEST(duration_text, is_short) {
  EXPECT_EQ(duration_text(10s), "10 s");
  EXPECT_EQ(duration_text(250ms), "250 ms");
  EXPECT_EQ(duration_text(30min), "30 min");
  EXPECT_EQ(duration_text(60s), "60 s");
}

THROUGHLINE_ON_EACH_CLIENT(client_failure_test);

}  // namespace
}  // namespace throughline::http
