// What a provider's refusal means: from a status, its headers and its body, or from an error in the
// middle of a stream, to a completion_error. Pure. The words of the provider are passed on, bounded
// and without control characters; secrets that it repeats are blotted out by redact().
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "provider/lenient_json.hpp"
#include "provider/provider.hpp"

namespace throughline::provider {

/// An error as providers write it in JSON. All parts may be empty.
struct reported_error {
  std::string message;
  std::string type;
  std::string code;  // also when it was a number
};

/// Reads `{"error":{"message","type","code"}}`, `{"error":"words"}`, `{"message":...}`,
/// `{"detail":...}`, and the inside of the first.
[[nodiscard]] reported_error read_reported_error(const json::object& body);

/// An error that came instead of text, after a 200. provider_error, unless its type or code says
/// more.
[[nodiscard]] completion_error in_band_error(const reported_error& reported);

/// A response whose status is not 200. `body` may be cut short. `now` is for a Retry-After that is
/// a date.
[[nodiscard]] completion_error status_error(int status, const http::header_fields& headers,
                                            std::string_view body, wall_time now);

/// `retry-after-ms`, else `Retry-After` in seconds or as an HTTP date; a date in the past is 0.
/// nullopt if absent or unreadable.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(
    const http::header_fields& headers, wall_time now);

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
[[nodiscard]] std::optional<wall_time> parse_http_date(std::string_view text);

/// Text of a stranger for a line of our own: valid UTF-8, one line, at most `bytes_max` bytes and
/// then an ellipsis.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t bytes_max = 300);

/// Replaces every occurrence of a secret. Secrets shorter than 6 bytes are left: they would match
/// ordinary words.
void redact(std::string& text, std::span<const std::string> secrets);

}  // namespace throughline::provider
