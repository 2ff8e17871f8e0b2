#include <gtest/gtest.h>

#include <boost/crc.hpp>

#include "aio/asio.hpp"
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

class client_flow_test : public testing::each_client {};

TEST_P(client_flow_test, cancelling_closes_the_connection_and_wakes_the_reader) {
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

TEST_P(client_flow_test, cancelling_the_coroutine_ends_it) {
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

TEST_P(client_flow_test, decodes_gzip) {
  std::string request;
  scripted_server server([&](scripted_connection& connection) {
    request = connection.read_request();
    connection.send(sized_response("200 OK", "Content-Encoding: gzip\r\n", gzipped("hello gzip")));
  });
  const auto seen = fetch(get(server.url()));
  EXPECT_EQ(seen.body, "hello gzip");
  // Near by, compression only costs.
  const std::string wish = GetParam() == testing::client_kind::curl ? "gzip, deflate" : "identity";
  EXPECT_NE(request.find("Accept-Encoding: " + wish + "\r\n"), std::string::npos) << request;
}

TEST_P(client_flow_test, a_gzip_bomb_comes_in_bounded_pieces) {
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

TEST_P(client_flow_test, a_slow_reader_pauses_the_transfer) {
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

THROUGHLINE_ON_EACH_CLIENT(client_flow_test);

}  // namespace
}  // namespace throughline::http
