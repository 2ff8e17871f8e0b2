#include "redis/address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace throughline::redis {
namespace {

constexpr std::uint32_t database_most = 1'000'000;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most) noexcept {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number > most) return std::nullopt;
  return number;
}

error bad(std::string_view what) {
  return fail(errc::invalid_request,
              fmt::format("a Redis URL is redis://[user:password@]host[:port]"
                          "[/database], rediss:// with TLS: {}",
                          what));
}

/// Takes what stands before `mark` off the front; nullopt: there is no such mark.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view mark) {
  const auto end = text.find(mark);
  if (end == std::string_view::npos) return std::nullopt;
  const auto front = text.substr(0, end);
  text.remove_prefix(end + mark.size());
  return front;
}

result<void> read_credentials(std::string_view text, address& into) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return bad("there is a user but no password");
  const auto user = percent_decode(text.substr(0, colon));
  const auto password = percent_decode(text.substr(colon + 1));
  if (!user || !password) return bad("the user or the password is not percent-encoded rightly");
  into.user = *user;
  into.password = *password;
  if (!user->empty() && password->empty()) return bad("there is a user but no password");
  return {};
}

result<void> read_host(std::string_view text, address& into) {
  std::string_view port;
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    const auto inside = take_until(text, "]");
    if (!inside || inside->empty()) return bad("an address in brackets does not end");
    into.host = *inside;
    if (text.empty()) return {};
    if (!text.starts_with(':')) return bad("something stands between the address and the port");
    port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    if (colon != 0 && !text.empty()) into.host = text.substr(0, colon);
    if (colon == std::string_view::npos) return {};
    port = text.substr(colon + 1);
  }
  const auto number = parse_number(port, 65'535);
  if (!number || *number == 0) return bad("the port is not a number from 1 to 65535");
  into.port = static_cast<std::uint16_t>(*number);
  return {};
}

result<void> read_database(std::string_view text, address& into) {
  if (text.empty()) return {};
  const auto number = parse_number(text, database_most);
  if (!number) return bad("the database is not a number");
  into.database = *number;
  return {};
}

result<void> read_parameter(std::string_view text, address& into) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  const auto given = percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                     : text.substr(equals + 1));
  if (!given) return bad("a parameter is not percent-encoded rightly");
  if (name == "db") return read_database(*given, into);
  if (name == "ssl_ca_certs") {
    into.ca_file = *given;
    return {};
  }
  if (name == "ssl_cert_reqs") {
    const bool is_none = *given == "none" || *given == "CERT_NONE";
    if (!is_none && *given != "required" && *given != "CERT_REQUIRED") {
      return bad("ssl_cert_reqs is neither required nor none");
    }
    into.is_verified = !is_none;
    return {};
  }
  return bad("it has a parameter other than db, ssl_cert_reqs and ssl_ca_certs");
}

}  // namespace

std::string address::name() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}/{}", is_tls ? "rediss" : "redis", is_v6 ? "[" : "", host,
                     is_v6 ? "]" : "", port, database);
}

result<address> parse_address(std::string_view url) {
  address out;
  const auto scheme = take_until(url, "://");
  if (!scheme || (*scheme != "redis" && *scheme != "rediss")) return bad("it begins otherwise");
  out.is_tls = *scheme == "rediss";

  const auto question = url.find('?');
  auto parameters =
      question == std::string_view::npos ? std::string_view() : url.substr(question + 1);
  url = url.substr(0, question);
  const auto at_sign = url.rfind('@');
  if (at_sign != std::string_view::npos) {
    if (auto read = read_credentials(url.substr(0, at_sign), out); !read) return read.error();
    url.remove_prefix(at_sign + 1);
  }
  const auto slash = url.find('/');
  if (auto read = read_host(url.substr(0, slash), out); !read) return read.error();
  if (slash != std::string_view::npos) {
    if (auto read = read_database(url.substr(slash + 1), out); !read) return read.error();
  }
  while (!parameters.empty()) {
    const auto end = std::min(parameters.find('&'), parameters.size());
    if (auto read = read_parameter(parameters.substr(0, end), out); !read) return read.error();
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return out;
}

}  // namespace throughline::redis
