// A response in HTTP/1.x out of bytes, however they are cut: 1xx skipped, the head bounded, the
// body by its length, in chunks, or up to the end of the connection. The grammar is Beast's. Pure:
// bytes in, a head and body text out. Used by direct_transfer.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace throughline::http {

namespace detail {

/// Beast's, writing down what it finds.
class response_grammar final : public boost::beast::http::basic_parser<false> {
 public:
  std::string* body = nullptr;
  std::uint64_t chunk_rest = 0;  // of the present chunk, still to come
  bool in_trailer = false;
  client_response_head head;

 private:
  using error_code = boost::beast::error_code;
  using text = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, text, text, int, error_code&) override {}
  void on_response_impl(int status, text, int, error_code&) override { head.status = status; }
  void on_field_impl(boost::beast::http::field, text name, text value, error_code&) override;
  void on_header_impl(error_code&) override { in_trailer = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text piece, error_code&) override;
  void on_chunk_header_impl(std::uint64_t size, text, error_code&) override { chunk_rest = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, text piece, error_code&) override;
  void on_finish_impl(error_code&) override {}
};

}  // namespace detail

class response_parser {
 public:
  static constexpr std::size_t head_bytes_max = 256 * 1024;
  /// How much must be free in front of the bytes that feed() is given. What waits for more bytes,
  /// mostly the end of a line, is put there, so that nothing else needs to be copied.
  static constexpr std::size_t headroom = 64;

  enum class progress : std::uint8_t { need_more, complete, refused };

  /// A response to HEAD has no body.
  explicit response_parser(bool answers_head);

  /// Takes all of `bytes`, which it may overwrite, and appends what they hold of the body to
  /// `body`. REQUIRES: `headroom` writable bytes in front of them, and need_more before.
  progress feed(std::span<char> bytes, std::string& body);
  /// The connection has ended. `complete` for a body that ends with it; `need_more` when the
  /// response has broken off.
  progress end();

  /// No byte has come yet.
  [[nodiscard]] bool is_untouched() const { return head_bytes_ == 0 && waiting_.empty(); }
  [[nodiscard]] bool has_head() const { return has_head_; }
  /// REQUIRES: has_head().
  [[nodiscard]] const client_response_head& head() const { return grammar_->head; }
  /// Whether the connection can be used again. REQUIRES: complete.
  [[nodiscard]] bool keeps_connection() const { return waiting_.empty() && grammar_->keep_alive(); }

  /// Why it was refused.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] bool is_head_too_large() const { return is_head_too_large_; }

 private:
  void begin();
  progress run(std::string_view& bytes);
  progress take_head();
  progress refuse(std::string why);

  // What every piece touches comes first.
  std::string waiting_;
  bool has_head_ = false;
  bool answers_head_;
  bool is_head_too_large_ = false;
  std::optional<detail::response_grammar> grammar_;  // always there; made anew after a 1xx
  std::size_t head_bytes_ = 0;                       // also of the 1xx
  std::string fault_;
};

}  // namespace throughline::http
