// The way of the mock model's bytes to a client: compressed, dripped or cut as the plan says.
#pragma once

#include <string>
#include <string_view>

#include "app/mock_model_plan.hpp"
#include "http/server.hpp"

namespace throughline::app {

class mock_writer {
 public:
  /// All of it outlives the writer.
  mock_writer(http::exchange& with, const mock_plan& plan) : with_(with), plan_(plan) {}

  [[nodiscard]] aio::awaitable<> begin();
  /// False if the connection was cut on the way. `bytes` must live until then.
  [[nodiscard]] aio::awaitable<bool> write(std::string_view bytes);
  [[nodiscard]] aio::awaitable<> end();
  void cut() { with_.abort_connection(plan_.rst); }

  /// Whether write() would do nothing to the bytes.
  [[nodiscard]] bool is_plain() const { return !plan_.gzip && !is_exact(); }
  /// Whether each frame is to be written by itself, because it matters where a break comes.
  [[nodiscard]] bool is_exact() const {
    return plan_.cut_after_bytes.has_value() || plan_.drip_bytes_per_s > 0;
  }

 private:
  aio::awaitable<> drip(std::string_view bytes);
  aio::awaitable<> send(std::string_view bytes);

  http::exchange& with_;
  const mock_plan& plan_;
  std::int64_t written_ = 0;
  // Of gzip's trailer.
  std::uint32_t checksum_ = 0;
  std::uint32_t plain_bytes_ = 0;
};

/// A gzip stream in parts, without compression (RFC 1951 calls such blocks stored).
[[nodiscard]] std::string gzip_head();
[[nodiscard]] std::string gzip_block(std::string_view bytes);
[[nodiscard]] std::string gzip_tail(std::uint32_t checksum, std::uint32_t plain_bytes);
/// Of all bytes so far, given that of those before.
[[nodiscard]] std::uint32_t gzip_checksum(std::uint32_t before, std::string_view bytes);

}  // namespace throughline::app
