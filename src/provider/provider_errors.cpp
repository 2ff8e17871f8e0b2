#include "provider/provider_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cctype>

#include "base/utf8.hpp"

namespace throughline::provider {
namespace {

constexpr std::size_t secret_bytes_min = 6;

std::string text_or_number(const json::object& object, std::string_view name) {
  if (const auto number = count_at(object, name)) return std::to_string(*number);
  return std::string(text_at(object, name));
}

bool contains(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
             return std::tolower(static_cast<unsigned char>(a)) == b;
           }) != text.end();
  });
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// A quota that is used up: waiting does not bring it back.
bool is_quota_spent(const reported_error& reported) {
  return contains(reported.code + " " + reported.type,
                  {"insufficient_quota", "billing", "insufficient_balance"});
}

struct verdict {
  errc code;
  std::optional<bool> retryable;
};

verdict judge_in_band(const reported_error& reported) {
  const std::string kind = reported.type + " " + reported.code;
  if (is_quota_spent(reported)) return {errc::provider_rate_limited, false};
  if (reported.code == "429" || contains(kind, {"rate_limit", "too_many_requests"})) {
    return {errc::provider_rate_limited, true};
  }
  if (is_one_of(reported.code, {"401", "403"}) ||
      contains(kind, {"authentication_error", "permission_error", "invalid_api_key"})) {
    return {errc::provider_unauthorized, false};
  }
  if (is_one_of(reported.code, {"408", "409", "425", "500", "502", "503", "504", "529"}) ||
      contains(kind, {"overloaded", "unavailable", "server_error", "timeout"})) {
    return {errc::provider_unavailable, true};
  }
  if (is_one_of(reported.code, {"400", "404", "413", "422"}) ||
      contains(kind, {"invalid_request", "not_found", "context_length"})) {
    return {errc::provider_refused, false};
  }
  return {errc::provider_error, std::nullopt};
}

errc code_of_status(int status) {
  if (status == 429) return errc::provider_rate_limited;
  if (status == 401 || status == 403) return errc::provider_unauthorized;
  if (status == 408 || status == 409 || status == 425 || status >= 500) {
    return errc::provider_unavailable;
  }
  return errc::provider_refused;
}

std::string words_of_body(std::string_view body) {
  if (const auto object = parse_lenient(to_valid_utf8(body))) {
    return one_line(read_reported_error(*object).message);
  }
  const auto first = body.find_first_not_of(" \t\r\n");
  const bool is_markup = first != std::string_view::npos && body[first] == '<';
  return is_markup ? std::string() : one_line(body);
}

bool has_quota_spent(std::string_view body) {
  const auto object = parse_lenient(to_valid_utf8(body));
  return object && is_quota_spent(read_reported_error(*object));
}

}  // namespace

reported_error read_reported_error(const json::object& body) {
  if (const auto* const inner = object_at(body, "error")) {
    auto reported = read_reported_error(*inner);
    if (!reported.message.empty() || !reported.type.empty()) return reported;
  }
  reported_error reported;
  reported.type = one_line(text_at(body, "type"), 100);
  reported.code = one_line(text_or_number(body, "code"), 100);
  for (const auto* const name : {"message", "error", "detail"}) {
    if (reported.message.empty()) reported.message = text_at(body, name);
  }
  if (const auto* const details = array_at(body, "detail");
      details != nullptr && !details->empty() && details->front().is_object()) {
    reported.message = text_at(details->front().get_object(), "msg");
  }
  return reported;
}

completion_error in_band_error(const reported_error& reported) {
  const auto [code, retryable] = judge_in_band(reported);
  std::string words = one_line(reported.message);
  if (words.empty()) words = reported.type.empty() ? "no reason given" : reported.type;
  completion_error failure{fail(code, "the provider reported an error: " + words), {}, {}};
  failure.retryable = retryable;
  return failure;
}

completion_error status_error(int status, const http::header_fields& headers, std::string_view body,
                              wall_time now) {
  if (status >= 300 && status < 400) {
    return {
        fail(errc::provider_refused,
             fmt::format("the provider answered {}, a redirect, which is not followed; the base "
                         "URL may be wrong",
                         status)),
        {},
        false};
  }
  const auto words = words_of_body(body);
  completion_error failure{
      fail(code_of_status(status),
           fmt::format("the provider answered {}{}{}", status, words.empty() ? "" : ": ", words)),
      {},
      {}};
  failure.retry_after = retry_after(headers, now);
  if (status == 429 && has_quota_spent(body)) failure.retryable = false;
  const auto advice = headers.find("x-should-retry");
  if (advice == "true") failure.retryable = true;
  if (advice == "false") failure.retryable = false;
  return failure;
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
  // Not more than can matter: the whole may be large.
  std::string line = to_valid_utf8(text.substr(0, 4 * bytes_max));
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  const auto last = line.find_last_not_of(' ');
  line.erase(last == std::string::npos ? 0 : last + 1);
  line.erase(0, line.find_first_not_of(' '));
  if (line.size() <= bytes_max) return line;
  line.resize(utf8_prefix(line, bytes_max));
  return line + "…";
}

void redact(std::string& text, std::span<const std::string> secrets) {
  static constexpr std::string_view blot = "[secret]";
  for (const auto& secret : secrets) {
    if (secret.size() < secret_bytes_min) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), blot);
      at += blot.size();
    }
  }
}

}  // namespace throughline::provider
