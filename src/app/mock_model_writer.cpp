#include "app/mock_model_writer.hpp"

#include <algorithm>
#include <array>

namespace throughline::app {
namespace {

constexpr std::size_t stored_block_bytes_max = 65'535;
constexpr std::int64_t drips_per_s = 20;

void append_little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8U * i)) & 0xFFU);
}

}  // namespace

std::string gzip_head() {
  return {"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};
}

std::string gzip_block(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, stored_block_bytes_max);
    const auto size = static_cast<std::uint32_t>(part.size());
    out += '\0';
    append_little_endian(out, size, 2);
    append_little_endian(out, ~size, 2);
    out += part;
    bytes.remove_prefix(part.size());
  }
  return out;
}

std::string gzip_tail(std::uint32_t checksum, std::uint32_t plain_bytes) {
  std::string out("\x01\0\0\xff\xff", 5);  // an empty block, the last
  append_little_endian(out, checksum, 4);
  append_little_endian(out, plain_bytes, 4);
  return out;
}

std::uint32_t gzip_checksum(std::uint32_t before, std::string_view bytes) {
  std::uint32_t crc = ~before;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

aio::awaitable<> mock_writer::begin() {
  http::response head;
  head.headers.add("Content-Type", "text/event-stream; charset=utf-8");
  head.headers.add("Cache-Control", "no-cache");
  if (plan_.gzip) head.headers.add("Content-Encoding", "gzip");
  co_await with_.begin_stream(std::move(head));
  if (!plan_.gzip) co_return;
  const auto start = gzip_head();
  co_await send(start);
}

aio::awaitable<> mock_writer::send(std::string_view bytes) {
  const std::array<boost::asio::const_buffer, 1> buffers{
      boost::asio::const_buffer(bytes.data(), bytes.size())};
  co_await with_.write(buffers);
}

aio::awaitable<> mock_writer::drip(std::string_view bytes) {
  const auto size =
      static_cast<std::size_t>(std::max<std::int64_t>(1, plan_.drip_bytes_per_s / drips_per_s));
  const auto pause = std::chrono::microseconds(static_cast<std::int64_t>(size) * 1'000'000 /
                                               plan_.drip_bytes_per_s);
  while (!bytes.empty()) {
    const auto drop = bytes.substr(0, size);
    co_await send(drop);
    bytes.remove_prefix(drop.size());
    co_await aio::sleep_for(pause);
  }
}

aio::awaitable<bool> mock_writer::write(std::string_view bytes) {
  std::string packed;
  if (plan_.gzip) {
    checksum_ = gzip_checksum(checksum_, bytes);
    plain_bytes_ += static_cast<std::uint32_t>(bytes.size());
    packed = gzip_block(bytes);
    bytes = packed;
  }
  bool cuts = false;
  if (plan_.cut_after_bytes) {
    const auto left = static_cast<std::size_t>(*plan_.cut_after_bytes - written_);
    cuts = bytes.size() >= left;
    if (cuts) bytes = bytes.substr(0, left);
  }
  written_ += static_cast<std::int64_t>(bytes.size());
  if (plan_.drip_bytes_per_s > 0) {
    co_await drip(bytes);
  } else {
    co_await send(bytes);
  }
  if (cuts) cut();
  co_return !cuts;
}

aio::awaitable<> mock_writer::end() {
  if (plan_.gzip) {
    const auto tail = gzip_tail(checksum_, plain_bytes_);
    co_await send(tail);
  }
  co_await with_.end_stream();
}

}  // namespace throughline::app
