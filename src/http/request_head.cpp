#include "http/request_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace throughline::http {
namespace {

constexpr std::size_t fields_max = 100;
constexpr std::size_t request_id_bytes_max = 64;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}
bool is_visible(char c) noexcept {
  return c > 0x20 && c < 0x7F;
}

method method_of(std::string_view name) {
  for (const auto verb : {method::get, method::head, method::post, method::put, method::patch,
                          method::delete_, method::options}) {
    if (name == to_string(verb)) return verb;
  }
  return method::other;
}

bool is_sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= request_id_bytes_max && std::ranges::all_of(id, [](char c) {
    return is_letter(c) || is_digit(c) || is_one_of(c, "._-");
  });
}

/// `host` or `host:port`, where the host is a name, an IPv4 address or something in brackets.
bool is_authority(std::string_view text) {
  std::size_t host_bytes = 0;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const auto inside = text.substr(1, close - 1);
    const auto is_hex = [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
             c == '.';
    };
    if (!std::ranges::all_of(inside, is_hex)) return false;
    host_bytes = close + 1;
  } else {
    host_bytes = std::min(text.find(':'), text.size());
    const auto is_of_name = [](char c) {
      return is_letter(c) || is_digit(c) || is_one_of(c, "-._~%!$&'()*+,;=");
    };
    if (!std::ranges::all_of(text.substr(0, host_bytes), is_of_name)) return false;
    if (host_bytes == 0 && !text.empty()) return false;
  }
  const auto port = text.substr(host_bytes);
  return port.empty() || (port[0] == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

/// Calls `use` with every member of a list that may be spread over several fields of one name.
template <class Use>
void for_each_member(const header_fields& headers, std::string_view name, Use use) {
  for (const auto& [key, value] : headers) {
    if (!same_name(key, name)) continue;
    std::string_view left = value;
    while (true) {
      const auto comma = std::min(left.find(','), left.size());
      use(without_blanks(left.substr(0, comma)));
      if (comma == left.size()) break;
      left.remove_prefix(comma + 1);
    }
  }
}

error bad(std::string detail) {
  return fail(errc::invalid_request, std::move(detail));
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
  });
}

bool is_field_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

field_line parse_field_line(std::string_view line) noexcept {
  field_line out;
  const auto colon = line.find(':');
  if (line.starts_with(' ') || line.starts_with('\t')) {
    out.fault = "a header field is folded over two lines";
  } else if (colon == std::string_view::npos) {
    out.fault = "a header field has no colon";
  } else if (!is_token(line.substr(0, colon))) {
    out.fault = "the name of a header field is empty or has a character that names do not have";
  } else if (!is_field_value(line.substr(colon + 1))) {
    out.fault = "the value of a header field has a control character";
  } else {
    out.name = line.substr(0, colon);
    out.value = without_blanks(line.substr(colon + 1));
  }
  return out;
}

std::optional<error> request_head::take(std::string_view line) {
  if (!has_begun_) {
    // Some clients end a body with a line end that does not belong to it.
    if (line.empty()) return std::nullopt;
    has_begun_ = true;
    return take_request_line(line);
  }
  if (!line.empty()) return take_field(line);
  auto fault = finish();
  is_complete_ = !fault;
  return fault;
}

std::optional<error> request_head::take_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("the request line is not METHOD TARGET HTTP/1.1");
  }
  const auto verb = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(verb) || target.empty() || !std::ranges::all_of(target, is_visible)) {
    return bad("the request line is not METHOD TARGET HTTP/1.1, in visible ASCII characters");
  }
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                          is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!is_version) return bad("the request line does not end with a version of HTTP");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return fail(errc::version_not_supported, "the version must be HTTP/1.1");
  }
  is_http_1_0 = version == "HTTP/1.0";
  message.verb = method_of(verb);
  if (verb == "CONNECT") return fail(errc::not_implemented, "this server is not a proxy");
  return take_target(target);
}

/// Origin form; absolute form, as proxies send it; `*` of OPTIONS.
std::optional<error> request_head::take_target(std::string_view target) {
  if (target == "*" && message.verb == method::options) {
    message.path = target;
    return std::nullopt;
  }
  if (target.find('#') != std::string_view::npos) return bad("the request target has a fragment");
  if (!target.starts_with('/')) {
    const auto colon = target.find("://");
    const auto scheme = target.substr(0, colon);
    if (colon == std::string_view::npos ||
        (!same_name(scheme, "http") && !same_name(scheme, "https"))) {
      return bad("the request target is not a path");
    }
    target.remove_prefix(colon + 3);
    const auto host = target.substr(0, std::min(target.find_first_of("/?"), target.size()));
    if (host.empty() || !is_authority(host)) return bad("the request target has no valid host");
    authority_ = host;
    target.remove_prefix(host.size());
  }
  const auto question = std::min(target.find('?'), target.size());
  message.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  auto query = query_parameters::parse(target.substr(std::min(question + 1, target.size())));
  if (!query) return query.error();
  message.query = std::move(*query);
  return std::nullopt;
}

std::optional<error> request_head::take_field(std::string_view line) {
  const auto field = parse_field_line(line);
  if (field.fault != nullptr) return bad(field.fault);
  if (++fields_ > fields_max) {
    return fail(errc::head_too_large,
                fmt::format("there are more than {} header fields", fields_max));
  }
  message.headers.add(field.name, std::string(field.value));
  if (same_name(field.name, "X-Request-Id") && is_sane_request_id(field.value)) {
    message.request_id = field.value;
  }
  return std::nullopt;
}

std::optional<error> request_head::finish() {
  if (auto fault = check_host()) return fault;
  if (auto fault = find_framing()) return fault;
  if (auto fault = check_expectation()) return fault;
  find_keep_alive();
  return std::nullopt;
}

std::optional<error> request_head::check_host() {
  const auto count = message.headers.count("Host");
  if (count > 1) return bad("there is more than one Host");
  if (count == 0 && !is_http_1_0) return bad("there is no Host");
  if (count == 1 && !is_authority(*message.headers.find("Host"))) {
    return bad("the Host is not a host");
  }
  if (!authority_.empty()) message.headers.set("Host", authority_);
  return std::nullopt;
}

std::optional<error> request_head::find_framing() {
  const auto lengths = message.headers.count("Content-Length");
  if (message.headers.find("Transfer-Encoding")) {
    if (lengths > 0) return bad("there is a Content-Length beside a Transfer-Encoding");
    if (is_http_1_0) return bad("HTTP/1.0 has no Transfer-Encoding");
    body = framing::chunked;
    return check_coding();
  }
  if (lengths > 1) return bad("there is more than one Content-Length");
  if (lengths == 0) return std::nullopt;
  return find_length(*message.headers.find("Content-Length"));
}

std::optional<error> request_head::find_length(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, is_digit)) {
    return bad("the Content-Length is not a number");
  }
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), body_bytes);
  if (problem != std::errc{} || body_bytes > limits_.body_bytes_max) {
    return fail(errc::payload_too_large,
                fmt::format("the body is larger than {} bytes", limits_.body_bytes_max));
  }
  if (body_bytes > 0) body = framing::length;
  return std::nullopt;
}

std::optional<error> request_head::check_coding() {
  std::size_t codings = 0;
  std::size_t chunked = 0;
  bool ends_chunked = false;
  bool are_tokens = true;
  for_each_member(message.headers, "Transfer-Encoding", [&](std::string_view coding) {
    ++codings;
    ends_chunked = same_name(coding, "chunked");
    chunked += ends_chunked ? 1 : 0;
    are_tokens = are_tokens && is_token(coding);
  });
  if (!are_tokens || !ends_chunked || chunked > 1) {
    return bad("the Transfer-Encoding is not one that ends with chunked");
  }
  if (codings > 1) {
    return fail(errc::not_implemented, "the only Transfer-Encoding understood is chunked");
  }
  return std::nullopt;
}

std::optional<error> request_head::check_expectation() {
  // Nobody understood Expect before HTTP/1.1, so whoever passes it on does not either.
  if (is_http_1_0) return std::nullopt;
  bool is_known = true;
  for_each_member(message.headers, "Expect", [&](std::string_view expectation) {
    if (same_name(expectation, "100-continue")) {
      expects_continue = body != framing::no_body;
    } else {
      is_known = false;
    }
  });
  if (is_known) return std::nullopt;
  return fail(errc::expectation_failed, "the only expectation understood is 100-continue");
}

void request_head::find_keep_alive() {
  bool asks_to_close = false;
  bool asks_to_stay = false;
  for_each_member(message.headers, "Connection", [&](std::string_view wish) {
    asks_to_close = asks_to_close || same_name(wish, "close");
    asks_to_stay = asks_to_stay || same_name(wish, "keep-alive");
  });
  keep_alive = !asks_to_close && (asks_to_stay || !is_http_1_0);
}

}  // namespace throughline::http
