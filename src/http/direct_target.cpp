#include "http/direct_target.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "http/client_url.hpp"

namespace throughline::http {
namespace {

constexpr std::uint16_t default_port = 80;

/// The variables that libcurl looks at for plain HTTP. Whether the proxy applies to this host is
/// its decision.
bool names_a_proxy() {
  for (const auto* const name : {"http_proxy", "all_proxy", "ALL_PROXY"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

std::vector<aio::tcp::endpoint> addresses_of(const url_parts& url) {
  namespace ip = aio::asio::ip;
  if (url.host == "localhost") {
    return {{ip::address_v4::loopback(), url.port}, {ip::address_v6::loopback(), url.port}};
  }
  const bool has_brackets = url.host.starts_with('[') && url.host.ends_with(']');
  const auto text = has_brackets ? url.host.substr(1, url.host.size() - 2) : url.host;
  aio::error_code ec;
  const auto address = ip::make_address(text, ec);
  if (ec) return {};
  return {{address, url.port}};
}

}  // namespace

std::optional<direct_target> direct_target_of(const std::string& url) {
  if (!url.starts_with("http://")) return std::nullopt;
  const auto parts = split_url(url);
  if (!parts || parts->is_odd || parts->scheme != "http") return std::nullopt;
  direct_target target;
  target.addresses = addresses_of(*parts);
  if (target.addresses.empty()) return std::nullopt;
  target.endpoint = parts->endpoint();
  if (!is_loopback_endpoint(target.endpoint) && names_a_proxy()) return std::nullopt;
  target.host = parts->port == default_port ? parts->host : target.endpoint;
  target.path = parts->target;
  return target;
}

std::string encode_request(const client_request& request, const direct_target& target) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> own_fields{{
      {"Host", target.host},
      {"User-Agent", "throughline/" THROUGHLINE_VERSION},
      {"Accept", "*/*"},
      {"Accept-Encoding", "identity"},
  }};
  const auto is_given = [&](std::string_view name) {
    for (const auto& field : request.headers) {
      if (same_name(field.first, name)) return true;
    }
    return false;
  };
  std::string out;
  out.reserve(512 + request.body.size());
  const auto write = std::back_inserter(out);
  fmt::format_to(write, "{} {} HTTP/1.1\r\n", to_string(request.verb), target.path);
  for (const auto& [name, value] : own_fields) {
    if (!is_given(name)) fmt::format_to(write, "{}: {}\r\n", name, value);
  }
  for (const auto& [name, value] : request.headers) {
    fmt::format_to(write, "{}: {}\r\n", name, value);
  }
  const bool has_body = request.verb != method::get && request.verb != method::head;
  if (has_body) fmt::format_to(write, "Content-Length: {}\r\n", request.body.size());
  out += "\r\n";
  if (has_body) out += request.body;
  return out;
}

}  // namespace throughline::http
