#include "http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.hpp"

namespace throughline::http {
namespace {

constexpr std::array<std::string_view, 8> method_names{"GET",   "HEAD",   "POST",    "PUT",
                                                       "PATCH", "DELETE", "OPTIONS", "OTHER"};
static_assert(static_cast<std::size_t>(method::other) + 1 == method_names.size());

/// A request or a response seldom has more header fields.
constexpr std::size_t fields_usual = 8;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string_view to_string(method which) noexcept {
  return method_names[static_cast<std::size_t>(which)];
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

void header_fields::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [name](const auto& field) { return same_name(field.first, name); });
  add(name, std::move(value));
}

void header_fields::add(std::string_view name, std::string value) {
  if (fields_.empty()) fields_.reserve(fields_usual);
  fields_.emplace_back(name, std::move(value));
}

std::optional<std::string_view> header_fields::find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t header_fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields_, [name](const auto& field) { return same_name(field.first, name); }));
}

bool wants_page(const request& incoming) {
  return (incoming.verb == method::get || incoming.verb == method::head) &&
         incoming.headers.find("Accept").value_or("").find("text/html") != std::string_view::npos;
}

response json_response(int status, std::string body) {
  response reply;
  reply.status = status;
  reply.headers.add("Content-Type", "application/json; charset=utf-8");
  reply.body = std::move(body);
  return reply;
}

response problem_response(const error& failure, std::string_view request_id) {
  const auto& what = describe(failure.code);
  std::string body = R"({"type":"urn:throughline:error:)";
  body += what.code;
  body += R"(","title":)";
  append_json_string(body, what.title);
  body += fmt::format(R"(,"status":{},"detail":)", what.http_status);
  append_json_string(body, failure.detail);
  body += R"(,"code":")";
  body += what.code;
  body += R"(","request_id":)";
  append_json_string(body, request_id);
  body += "}";

  response reply;
  reply.status = what.http_status;
  reply.headers.add("Content-Type", "application/problem+json");
  if (what.retryable) {
    const bool knows_better = failure.retry_after > std::chrono::seconds(0);
    const auto wait = knows_better ? failure.retry_after : what.retry_after;
    reply.headers.add("Retry-After", std::to_string(wait.count()));
  }
  reply.body = std::move(body);
  return reply;
}

}  // namespace throughline::http
