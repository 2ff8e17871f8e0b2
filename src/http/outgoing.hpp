// One gathered write under way: a prefix, any number of buffers and a suffix, and how far the
// socket has taken them. Tries with one system call per 64 buffers (over TLS: per record) and never
// blocks; waiting for the socket is the connection's part.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/tls_session.hpp"

namespace throughline::http {

/// What stands before the bytes of one chunk of the chunked coding.
class chunk_size_line {
 public:
  explicit chunk_size_line(std::size_t size) {
    char* end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    length_ = static_cast<std::size_t>(end - text_.data());
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), length_}; }

 private:
  std::array<char, 18> text_{};
  std::size_t length_ = 0;
};

class outgoing {
 public:
  enum class outcome : std::uint8_t { done, blocked, failed };

  /// All of it must live until the write is done.
  outgoing(std::string_view prefix, std::span<const boost::asio::const_buffer> buffers,
           std::string_view suffix)
      : prefix_(prefix), buffers_(buffers), suffix_(suffix) {}

  /// The same bytes lie elsewhere now.
  void move_prefix(std::string_view prefix) {
    if (!prefix_.empty()) prefix_ = prefix;
  }

  /// Sends until all is taken, the socket is full, or the connection is broken.
  outcome flush(int descriptor);
  /// The same over TLS.
  outcome flush(tls_session& session);

 private:
  [[nodiscard]] std::size_t pieces() const { return buffers_.size() + 2; }
  [[nodiscard]] std::string_view piece(std::size_t i) const;
  void advance(std::size_t sent);
  /// What is next, as much as one record takes: where it lies, or gathered into `into`.
  [[nodiscard]] std::string_view next_record(
      std::array<char, tls_session::record_bytes>& into) const;

  std::string_view prefix_;
  std::span<const boost::asio::const_buffer> buffers_;
  std::string_view suffix_;
  std::size_t piece_ = 0;   // the first that is not fully sent
  std::size_t offset_ = 0;  // what of it is sent
};

}  // namespace throughline::http
