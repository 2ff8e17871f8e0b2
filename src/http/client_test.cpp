#include "http/client.hpp"

#include <gtest/gtest.h>

#include <boost/crc.hpp>

#include "aio/asio.hpp"
#include "http/client_test_server.hpp"
#include "http/curl_errors.hpp"

namespace throughline::http {
namespace {

using namespace std::chrono_literals;
using testing::chunked_head;
using testing::scripted_connection;
using testing::scripted_server;
using testing::sized_response;

struct outcome {
  std::optional<client_response_head> head;
  std::string body;
  std::optional<error> failure;
  int reads = 0;
};

aio::awaitable<> read_all(client_stream& stream, outcome& seen) {
  const auto head = co_await stream.head();
  if (!head) {
    seen.failure = head.error();
    co_return;
  }
  seen.head = *head;
  while (true) {
    const auto piece = co_await stream.read();
    if (!piece) seen.failure = piece.error();
    if (!piece || piece->empty()) co_return;
    seen.body += *piece;
    ++seen.reads;
  }
}

class client_test : public ::testing::Test {
 protected:
  testing::test_loop on_;
  std::unique_ptr<http_client> client_ = make_http_client(on_.loop);

  outcome fetch(client_request request) {
    outcome seen;
    on_.run(fetch_on_loop(*client_, std::move(request), seen));
    return seen;
  }
  static aio::awaitable<> fetch_on_loop(http_client& client, client_request request,
                                        outcome& seen) {
    const auto stream = client.start(std::move(request));
    co_await read_all(*stream, seen);
  }
  static client_request get(std::string url) {
    client_request request;
    request.verb = method::get;
    request.url = std::move(url);
    return request;
  }
};

TEST_F(client_test, posts_and_reads_a_response) {
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

TEST_F(client_test, hands_over_pieces_as_they_arrive) {
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

TEST_F(client_test, uses_a_connection_again) {
  scripted_server server([&](scripted_connection& connection) {
    while (!connection.read_request().empty()) {
      connection.send(sized_response("200 OK", "", "x"));
    }
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch(get(server.url())).body, "x");
  EXPECT_EQ(server.connections(), 1);
  client_.reset();
}

TEST_F(client_test, uses_a_connection_again_whose_body_was_not_wanted) {
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

TEST_F(client_test, closes_a_connection_whose_unwanted_body_does_not_end) {
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

TEST_F(client_test, may_be_destroyed_while_an_unwanted_body_ends) {
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

TEST_F(client_test, names_the_host_it_could_not_connect_to) {
  const auto seen = fetch(get("http://user:secret@127.0.0.1:9/path?key=secret"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_EQ(seen.failure->detail, "could not connect to 127.0.0.1:9 (connection refused)");
}

TEST_F(client_test, names_the_host_whose_address_is_unknown) {
  const auto seen = fetch(get("http://no-such-host.invalid/"));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_unreachable);
  EXPECT_EQ(seen.failure->detail, "could not find the address of no-such-host.invalid:80");
}

TEST_F(client_test, speaks_only_http) {
  for (const auto* const url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "", "http://", "::"}) {
    const auto seen = fetch(get(url));
    ASSERT_TRUE(seen.failure) << url;
    EXPECT_EQ(seen.failure->code, errc::invalid_request) << url;
  }
}

TEST_F(client_test, refuses_headers_of_more_than_one_line) {
  auto request = get("http://127.0.0.1:9/");
  request.headers = {{"X-Key", "a\r\nX-Other: secret"}};
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::invalid_request);
  EXPECT_EQ(seen.failure->detail.find("secret"), std::string::npos);
}

TEST_F(client_test, reports_a_failed_tls_handshake) {
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

TEST_F(client_test, does_not_follow_redirects) {
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
class broken_body : public client_test, public ::testing::WithParamInterface<const char*> {};
TEST_P(broken_body, is_truncated_after_its_text_was_read) {
  for (const bool resets : {false, true}) {
    std::atomic<bool> read{false};
    scripted_server server([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(GetParam());
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
    ::testing::Values("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"));

TEST_F(client_test, a_body_without_framing_ends_with_its_connection) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello");
  });
  const auto seen = fetch(get(server.url()));
  EXPECT_EQ(seen.body, "hello");
  EXPECT_FALSE(seen.failure);
}

TEST_F(client_test, a_connection_closed_before_the_head_is_unreachable) {
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

TEST_F(client_test, what_is_not_http_is_a_bad_response) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("SSH-2.0-OpenSSH_9.2\r\n");
  });
  const auto seen = fetch(get(server.url()));
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_bad_response) << seen.failure->detail;
}

TEST_F(client_test, a_head_without_end_is_a_bad_response) {
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
class stalled : public client_test, public ::testing::WithParamInterface<stall> {};
TEST_P(stalled, ends_by_its_timer) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(GetParam().bytes);
    EXPECT_TRUE(connection.wait_for_close());
  });
  auto request = get(server.url());
  request.*GetParam().timer = 150ms;
  if (GetParam().timer == &client_request::first_byte_timeout) request.idle_timeout = 100ms;
  const auto seen = fetch(request);
  ASSERT_TRUE(seen.failure);
  EXPECT_EQ(seen.failure->code, errc::provider_timeout);
  EXPECT_NE(seen.failure->detail.find(GetParam().detail), std::string::npos)
      << seen.failure->detail;
}
INSTANTIATE_TEST_SUITE_P(
    client, stalled,
    ::testing::Values(stall{"no_answer", "", &client_request::first_byte_timeout,
                            "did not answer within 150 ms"},
                      stall{"half_a_head", "HTTP/1.1 200 OK\r\nX: y\r\n",
                            &client_request::first_byte_timeout, "did not answer within 150 ms"},
                      stall{"no_body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                            &client_request::first_byte_timeout, "did not answer within 150 ms"},
                      stall{"idle", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                            &client_request::idle_timeout, "sent nothing for 150 ms"},
                      stall{"total", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                            &client_request::total_timeout, "took longer than 150 ms"}),
    [](const auto& info) { return info.param.name; });

TEST_F(client_test, a_dripping_head_does_not_outlast_the_first_byte_timer) {
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

TEST_F(client_test, a_dripping_body_does_not_outlast_the_total_timer) {
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

TEST_F(client_test, cancelling_closes_the_connection_and_wakes_the_reader) {
  for (const bool destroys : {false, true}) {
    std::atomic<bool> closed{false};
    scripted_server server([&](scripted_connection& connection) {
      connection.read_request();
      connection.send(chunked_head());
      connection.send_chunk("begun");
      closed = connection.wait_for_close();
    });
    outcome seen;
    const auto work = [](http_client& client, client_request request, bool by_destroying,
                         outcome& out, std::atomic<bool>& is_closed) -> aio::awaitable<> {
      auto stream = client.start(std::move(request));
      const auto head = co_await stream->head();
      EXPECT_TRUE(head);
      const auto first = co_await stream->read();
      EXPECT_EQ(*first, "begun");
      auto& loop = *aio::event_loop::current();
      loop.post([&stream, by_destroying] {
        if (by_destroying) {
          stream.reset();
        } else {
          stream->cancel();
        }
      });
      const auto piece = co_await stream->read();
      EXPECT_FALSE(piece);
      if (!piece) out.failure = piece.error();
      const auto deadline = std::chrono::steady_clock::now() + 10s;
      while (!is_closed && std::chrono::steady_clock::now() < deadline) {
        co_await aio::sleep_for(2ms);
      }
    };
    on_.run(work(*client_, get(server.url()), destroys, seen, closed));
    ASSERT_TRUE(seen.failure);
    EXPECT_EQ(seen.failure->code, errc::cancelled);
    EXPECT_TRUE(closed);
  }
}

TEST_F(client_test, cancelling_the_coroutine_ends_it) {
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    EXPECT_TRUE(connection.wait_for_close());
  });
  const auto waits = [](http_client& client, client_request request,
                        bool& is_waiting) -> aio::awaitable<> {
    const auto stream = client.start(std::move(request));
    is_waiting = true;
    const auto head = co_await stream->head();
    ADD_FAILURE() << "it was cancelled: " << head.has_value();
  };
  const auto work = [&waits](http_client& client, client_request request) -> aio::awaitable<> {
    bool is_waiting = false;
    aio::task_group group(*aio::event_loop::current());
    group.spawn("waits", waits(client, std::move(request), is_waiting));
    while (!is_waiting) co_await aio::sleep_for(1ms);
    co_await group.stop();
  };
  on_.run(work(*client_, get(server.url())));
}

void append_little_endian(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

std::string gzip_of(std::string_view text, std::string_view deflated) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  out += deflated;
  append_little_endian(out, crc.checksum());
  append_little_endian(out, static_cast<std::uint32_t>(text.size()));
  return out;
}

/// One stored block.
std::string gzipped(std::string_view text) {
  const auto size = static_cast<std::uint16_t>(text.size());
  std::string block("\x01");
  for (const std::uint16_t half : {size, static_cast<std::uint16_t>(~size)}) {
    block.push_back(static_cast<char>(half));
    block.push_back(static_cast<char>(half >> 8));
  }
  return gzip_of(text, block + std::string(text));
}

/// 1 + 258 * `matches` times the letter `a`: one literal, then "258 bytes from one byte before", in
/// fixed codes (RFC 1951).
std::string gzip_bomb(std::size_t matches) {
  std::string bits;
  std::uint8_t byte = 0;
  int used = 0;
  const auto put = [&](std::string_view code) {
    for (const char bit : code) {
      byte = static_cast<std::uint8_t>(byte | ((bit - '0') << used));
      if (++used == 8) {
        bits.push_back(static_cast<char>(byte));
        byte = 0;
        used = 0;
      }
    }
  };
  put("110");       // the last block, of fixed codes
  put("10010001");  // the literal 0x61
  for (std::size_t i = 0; i < matches; ++i) put("1100010100000");
  put("00000000000000");  // the end, and up to the end of a byte
  return gzip_of(std::string(1 + 258 * matches, 'a'), bits);
}

TEST_F(client_test, decodes_gzip) {
  std::string request;
  scripted_server server([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send(sized_response("200 OK", "Content-Encoding: gzip\r\n", gzipped("hello gzip")));
  });
  const auto seen = fetch(get(server.url()));
  EXPECT_EQ(seen.body, "hello gzip");
  EXPECT_NE(request.find("Accept-Encoding: gzip, deflate\r\n"), std::string::npos);
}

TEST_F(client_test, a_gzip_bomb_comes_in_bounded_pieces) {
  static constexpr std::size_t matches = 200'000;
  const auto bomb = gzip_bomb(matches);
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send(sized_response("200 OK", "Content-Encoding: gzip\r\n", bomb));
    connection.wait_for_close();
  });
  std::size_t total = 0;
  std::size_t largest = 0;
  const auto work = [](http_client& client, client_request request, std::size_t& sum,
                       std::size_t& most) -> aio::awaitable<> {
    const auto stream = client.start(std::move(request));
    while (true) {
      const auto piece = co_await stream->read();
      EXPECT_TRUE(piece) << piece.error().detail;
      if (!piece || piece->empty()) co_return;
      sum += piece->size();
      most = std::max(most, piece->size());
    }
  };
  auto request = get(server.url());
  request.buffered_bytes_max = 64 * 1024;
  on_.run(work(*client_, std::move(request), total, largest));
  EXPECT_EQ(total, 1 + 258 * matches);
  EXPECT_LE(largest, 64U * 1024 + 32 * 1024);
  client_.reset();
}

TEST_F(client_test, a_slow_reader_pauses_the_transfer) {
  std::atomic<std::size_t> sent{0};
  static constexpr std::size_t piece_bytes = 64 * 1024;
  static constexpr std::size_t total_bytes = 64 * 1024 * 1024;
  scripted_server server([&](scripted_connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total_bytes) +
                    "\r\n\r\n");
    const std::string piece(piece_bytes, 'x');
    while (sent < total_bytes && connection.send(piece)) sent += piece_bytes;
  });
  outcome seen;
  const auto work = [](http_client& client, client_request request, std::atomic<std::size_t>& out,
                       outcome& all) -> aio::awaitable<> {
    const auto stream = client.start(std::move(request));
    const auto head = co_await stream->head();
    EXPECT_TRUE(head);
    // Longer than the idle timer: a pause of ours is not the server's stall.
    co_await aio::sleep_for(400ms);
    EXPECT_LT(out, total_bytes);
    co_await read_all(*stream, all);
  };
  auto request = get(server.url());
  request.buffered_bytes_max = 128 * 1024;
  request.idle_timeout = 300ms;
  request.first_byte_timeout = 10s;
  on_.run(work(*client_, std::move(request), sent, seen));
  EXPECT_FALSE(seen.failure) << seen.failure->detail;
  EXPECT_EQ(seen.body.size(), total_bytes);
}

TEST(url_endpoint, names_host_and_port_and_nothing_else) {
  EXPECT_EQ(*url_endpoint("https://api.openai.com/v1?x=y"), "api.openai.com:443");
  EXPECT_EQ(*url_endpoint("http://u:p@[::1]:8080/"), "[::1]:8080");
  EXPECT_FALSE(url_endpoint("gopher://x"));
}

TEST(duration_text, is_short) {
  EXPECT_EQ(duration_text(10s), "10 s");
  EXPECT_EQ(duration_text(250ms), "250 ms");
  EXPECT_EQ(duration_text(30min), "30 min");
  EXPECT_EQ(duration_text(60s), "60 s");
}

}  // namespace
}  // namespace throughline::http
