#include "http/transfer_errors.hpp"

#include <fmt/format.h>

#include <cctype>
#include <system_error>

#include "base/utf8.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t reason_bytes_max = 200;

std::string in_lower_case_first(std::string text) {
  const bool is_acronym = text.size() > 1 && std::isupper(static_cast<unsigned char>(text[1])) != 0;
  if (!text.empty() && !is_acronym) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

}  // namespace

std::string reason_text(const transfer_circumstances& when) {
  std::string text;
  if (when.os_error != 0) {
    text = std::generic_category().message(when.os_error);
  } else {
    text = to_valid_utf8(when.says);
    text.resize(utf8_prefix(text, reason_bytes_max));
  }
  if (text.empty()) return {};
  return fmt::format(" ({})", in_lower_case_first(std::move(text)));
}

error could_not_connect(const transfer_circumstances& when) {
  return fail(errc::provider_unreachable,
              fmt::format("could not connect to {}{}", when.endpoint, reason_text(when)));
}

error could_not_connect_in_time(const transfer_circumstances& when) {
  return fail(errc::provider_unreachable,
              fmt::format("could not connect to {} within {}", when.endpoint,
                          duration_text(when.connect_timeout)));
}

error connection_lost(const transfer_circumstances& when) {
  if (when.has_head) {
    return fail(errc::provider_truncated,
                fmt::format("the connection to {} broke off in the middle of the response{}",
                            when.endpoint, reason_text(when)));
  }
  return fail(errc::provider_unreachable,
              fmt::format("{} closed the connection before it answered{}", when.endpoint,
                          reason_text(when)));
}

error could_not_watch(transfer_circumstances when) {
  static constexpr std::string_view shortage = "the system watches no more sockets";
  if (!when.connected) {
    return fail(errc::overloaded,
                fmt::format("could not connect to {} ({})", when.endpoint, shortage));
  }
  when.os_error = 0;
  when.says = shortage;
  return connection_lost(when);
}

error response_unreadable(const transfer_circumstances& when) {
  return fail(errc::provider_bad_response, fmt::format("the response of {} is not readable HTTP{}",
                                                       when.endpoint, reason_text(when)));
}

error head_too_large(std::string_view endpoint) {
  return fail(errc::provider_bad_response,
              fmt::format("the head of the response of {} is too large", endpoint));
}

error request_cancelled() {
  return fail(errc::cancelled, "the request was cancelled");
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count >= 120'000 && count % 60'000 == 0) return fmt::format("{} min", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{} s", count / 1000);
  return fmt::format("{} ms", count);
}

std::optional<error> header_fault(const std::vector<std::pair<std::string, std::string>>& headers) {
  static constexpr std::string_view line_ends("\r\n\0", 3);
  for (const auto& [name, value] : headers) {
    if (name.find_first_of(line_ends) != std::string::npos ||
        value.find_first_of(line_ends) != std::string::npos) {
      return fail(errc::invalid_request,
                  fmt::format("the value of the header {:.40} is not one line", name));
    }
  }
  return std::nullopt;
}

}  // namespace throughline::http
