#include "http/response_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <iterator>

namespace throughline::http {
namespace {

constexpr std::array<std::string_view, 6> own_fields{
    "Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "Upgrade", "X-Request-Id"};

std::string_view reason_of(int status) {
  const auto known = boost::beast::http::int_to_status(static_cast<unsigned>(status));
  if (known == boost::beast::http::status::unknown) return "Unknown";
  const auto text = boost::beast::http::obsolete_reason(known);
  return {text.data(), text.size()};
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  const auto start = out.size();
  out += value;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  out += "\r\n";
}

}  // namespace

std::string encode_head(const response& reply, const head_shape& shape) {
  std::string out;
  out.reserve(256);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", reply.status,
                 reason_of(reply.status));
  for (const auto& [name, value] : reply.headers) {
    const std::string_view field = name;
    const auto is_this = [field](std::string_view own) {
      return same_name(own, field);
    };
    if (std::ranges::none_of(own_fields, is_this)) append_field(out, name, value);
  }
  append_field(out, "X-Request-Id", shape.request_id);
  switch (shape.how) {
    case framing::none:
    case framing::until_close:
      break;
    case framing::content_length:
      fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", shape.content_length);
      break;
    case framing::chunked:
      out += "Transfer-Encoding: chunked\r\n";
      break;
  }
  if (!shape.keep_alive) {
    out += "Connection: close\r\n";
  } else if (shape.to_http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

bool is_bodyless(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

bool asks_to_close(const response& reply) {
  const auto wish = reply.headers.find("Connection");
  return wish && same_name(*wish, "close");
}

}  // namespace throughline::http
