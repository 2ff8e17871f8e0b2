// The head of a request, line by line: what RFC 9112 allows and nothing that two readers could take
// for different things. Pure. Used by the request_parser, which cuts the lines.
//
//   head         = request-line *( field-line ) empty-line
//   request-line = method SP target SP "HTTP/1.1" or "HTTP/1.0"
//   field-line   = name ":" [blanks] value [blanks]
//
// Refused: folded lines, blanks before the colon, names that are no tokens, control characters in
// values, a Host that is missing, double or none; a length that is not one decimal number, a
// transfer coding other than `chunked`, both at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"
#include "http/server.hpp"

namespace throughline::http {

/// A token of RFC 9110: a method, a field's name.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// Whether a field's value has nothing but visible characters, blanks and tabs. Bytes above 127 are
/// allowed: what they mean is the reader's affair.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
/// Without the blanks and tabs around it.
[[nodiscard]] std::string_view without_blanks(std::string_view text) noexcept;

/// A field line cut into name and value; `fault` says what is wrong with it instead.
struct field_line {
  std::string_view name;
  std::string_view value;
  const char* fault = nullptr;
};
[[nodiscard]] field_line parse_field_line(std::string_view line) noexcept;

class request_head {
 public:
  enum class framing : std::uint8_t { no_body, length, chunked };

  explicit request_head(const server_limits& limits) : limits_(limits) {}

  /// Takes the next line, without its CR LF. An error refuses the request; nothing may follow.
  [[nodiscard]] std::optional<error> take(std::string_view line);

  /// The request line has come.
  [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
  /// The empty line has come and all is well.
  [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }

  // Valid once complete; when refused, what is known until then.
  request message;
  framing body = framing::no_body;
  std::uint64_t body_bytes = 0;  // with framing::length
  bool keep_alive = false;
  bool is_http_1_0 = false;
  bool expects_continue = false;

 private:
  std::optional<error> take_request_line(std::string_view line);
  std::optional<error> take_target(std::string_view target);
  std::optional<error> take_field(std::string_view line);
  std::optional<error> finish();
  std::optional<error> check_host();
  std::optional<error> find_framing();
  std::optional<error> find_length(std::string_view text);
  std::optional<error> check_coding();
  std::optional<error> check_expectation();
  void find_keep_alive();

  const server_limits& limits_;
  std::string authority_;  // of a target in absolute form: it counts, not the Host field
  std::size_t fields_ = 0;
  bool has_begun_ = false;
  bool is_complete_ = false;
};

}  // namespace throughline::http
