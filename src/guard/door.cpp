#include "guard/door.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"

namespace throughline::guard {
namespace {

constexpr std::string_view allowed_methods = "GET, HEAD, POST, PUT, PATCH, DELETE";
constexpr std::string_view allowed_headers =
    "Authorization, Content-Type, Last-Event-ID, Idempotency-Key, X-Request-Id";
constexpr std::string_view exposed_headers = "X-Request-Id, Retry-After";
constexpr std::string_view preflight_seconds = "600";
constexpr std::size_t path_bytes_max = 1024;

bool is_safe(http::method verb) {
  return verb == http::method::get || verb == http::method::head || verb == http::method::options;
}

/// What a header said, short enough for a sentence.
std::string quoted(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  const std::string shown = to_valid_utf8(text.substr(0, bytes_max));
  return fmt::format("\"{}{}\"", shown, text.size() > bytes_max ? "..." : "");
}

/// The only value of a header. Two of them mean that somebody on the way reads the other one.
std::optional<std::string_view> only(const http::header_fields& headers, std::string_view name) {
  return headers.count(name) == 1 ? headers.find(name) : std::nullopt;
}

void vary_by_origin(http::header_fields& headers) {
  for (const auto& [name, value] : headers) {
    if (http::same_name(name, "Vary") && value == "Origin") return;
  }
  headers.add("Vary", "Origin");
}

/// As the value of a query parameter.
std::string for_query(std::string_view text) {
  constexpr std::string_view harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string out;
  for (const char c : text) {
    if (harmless.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// `fe80::1` for `[fe80::1]`: in a list of names nothing else has two colons.
std::optional<authority> parse_configured_host(std::string_view text) {
  if (!text.starts_with('[') && std::count(text.begin(), text.end(), ':') > 1) {
    return parse_authority(fmt::format("[{}]", text));
  }
  return parse_authority(text);
}

}  // namespace

door::door(const door_options& options) {
  access::show_counters();
  for (const auto& text : options.hosts) {
    if (auto host = parse_configured_host(text)) hosts_.push_back(std::move(*host));
  }
  for (const std::string_view text : options.cors_origins) {
    // People copy addresses out of the address bar, with the slash.
    const auto bare = text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
    if (auto page = parse_origin(bare)) origins_.push_back(std::move(*page));
  }
  const auto scheme = options.public_url.find("://");
  if (scheme != std::string::npos) {
    const auto end = std::min(options.public_url.find('/', scheme + 3), options.public_url.size());
    public_place_ = parse_origin(options.public_url.substr(0, end));
    if (public_place_) hosts_.push_back({.host = public_place_->place.host, .port = {}});
  }
  if (!options.access_token.empty()) access_ = std::make_shared<access>(options.access_token);
}

std::optional<error> door::refuse(const http::request& incoming) const {
  if (auto refusal = refuse_host(incoming)) return refusal;
  return refuse_page(incoming);
}

std::optional<error> door::refuse_host(const http::request& incoming) const {
  const auto text = only(incoming.headers, "Host");
  if (!text) return fail(errc::forbidden, "The request must have one Host header");
  const auto host = parse_authority(*text);
  const auto is_host = [&host](const authority& known) {
    return known.host == host->host && (!known.port || known.port == host->port);
  };
  if (host && (is_loopback(*host) || std::any_of(hosts_.begin(), hosts_.end(), is_host))) {
    return std::nullopt;
  }
  return fail(errc::forbidden,
              fmt::format("The Host header is {}, which is not a name of this server; if it should "
                          "be one, start the server with --public-host",
                          quoted(*text)));
}

std::optional<error> door::refuse_page(const http::request& incoming) const {
  const auto& headers = incoming.headers;
  if (is_safe(incoming.verb) || has_configured_origin(incoming)) return std::nullopt;
  if (has_public_origin(incoming)) return std::nullopt;
  if (const auto text = headers.find("Origin")) {
    const auto here = parse_authority(headers.find("Host").value_or(""));
    const auto page = parse_origin(*text);
    if (headers.count("Origin") != 1 || !page || !here || !is_same_place(*page, *here)) {
      return fail(errc::forbidden,
                  fmt::format("The Origin header is {}, another site than this server; if it may "
                              "call this server, start the server with --cors-origin",
                              quoted(*text)));
    }
  }
  for (const auto& [name, value] : headers) {
    if (!http::same_name(name, "Sec-Fetch-Site") || value == "same-origin" || value == "none") {
      continue;
    }
    return fail(errc::forbidden,
                fmt::format("The Sec-Fetch-Site header is {}: the request comes from a page of "
                            "another site; if that may call this server, start the server with "
                            "--cors-origin",
                            quoted(value)));
  }
  return std::nullopt;
}

bool door::has_configured_origin(const http::request& incoming) const {
  const auto text = only(incoming.headers, "Origin");
  if (!text) return false;
  const auto page = parse_origin(*text);
  return page && std::find(origins_.begin(), origins_.end(), *page) != origins_.end();
}

void door::add_cors_headers(const http::request& incoming, http::response& reply) const {
  if (origins_.empty()) return;
  vary_by_origin(reply.headers);
  if (!has_configured_origin(incoming)) return;
  reply.headers.set("Access-Control-Allow-Origin",
                    std::string(incoming.headers.find("Origin").value_or("")));
  reply.headers.set("Access-Control-Allow-Credentials", "true");
  reply.headers.set("Access-Control-Expose-Headers", std::string(exposed_headers));
}

std::optional<http::response> door::preflight(const http::request& incoming) const {
  if (incoming.verb != http::method::options ||
      !incoming.headers.find("Access-Control-Request-Method")) {
    return std::nullopt;
  }
  http::response reply;
  if (has_configured_origin(incoming)) {
    reply.status = 204;
    reply.headers.set("Access-Control-Allow-Methods", std::string(allowed_methods));
    reply.headers.set("Access-Control-Allow-Headers", std::string(allowed_headers));
    reply.headers.set("Access-Control-Max-Age", std::string(preflight_seconds));
  } else {
    const auto page = incoming.headers.find("Origin").value_or("");
    const auto refusal =
        fail(errc::forbidden, fmt::format("The origin {} may not call this server; if it should, "
                                          "start the server with --cors-origin",
                                          quoted(page)));
    reply = http::problem_response(refusal, incoming.request_id);
  }
  add_cors_headers(incoming, reply);
  return reply;
}

bool door::is_secure(const http::request& incoming) const {
  if (incoming.is_secure) return true;
  if (!public_place_ || public_place_->scheme != "https") return false;
  const auto here = parse_authority(incoming.headers.find("Host").value_or(""));
  return here && here->host == public_place_->place.host;
}

bool door::has_public_origin(const http::request& incoming) const {
  const auto text = public_place_ ? only(incoming.headers, "Origin") : std::nullopt;
  return text && parse_origin(*text) == public_place_;
}

bool door::knows(const http::request& incoming) const {
  if (!access_) return true;
  const bool tries = incoming.headers.find("Authorization") || incoming.headers.find("Cookie");
  return tries && !refuse_stranger(incoming);
}

bool door::has_trusted_origin(const http::request& incoming) const {
  if (has_configured_origin(incoming) || has_public_origin(incoming)) return true;
  const auto text = only(incoming.headers, "Origin");
  const auto page = text ? parse_origin(*text) : std::nullopt;
  const auto here = parse_authority(incoming.headers.find("Host").value_or(""));
  // A page that came in the clear could be anybody's.
  return page && here && is_same_place(*page, *here) &&
         (page->scheme == "https" || !is_secure(incoming));
}

std::optional<http::response> door::refuse_stranger(const http::request& incoming) const {
  if (!access_) return std::nullopt;
  const auto pass = access_->check(incoming, is_secure(incoming));
  const bool is_let_in = pass.has_value();
  if (is_let_in &&
      (*pass == access::pass::token || is_safe(incoming.verb) || has_trusted_origin(incoming))) {
    return std::nullopt;
  }
  if (is_let_in) {
    const auto why = fail(errc::forbidden,
                          "What a browser changes by its cookie must carry the Origin of a page of "
                          "this server; programs send the access token instead");
    return http::problem_response(why, incoming.request_id);
  }
  if (pass.error().code == errc::unauthorized && http::wants_page(incoming)) {
    http::response elsewhere;
    elsewhere.status = 303;
    elsewhere.headers.set("Location", "/sign-in?next=" + for_query(local_path(incoming.path)));
    return elsewhere;
  }
  auto refused = http::problem_response(pass.error(), incoming.request_id);
  if (pass.error().code == errc::unauthorized) {
    refused.headers.set("WWW-Authenticate", "Bearer realm=\"Throughline\"");
  }
  return refused;
}

result<std::string> door::sign_in(const http::request& incoming, std::string_view token) const {
  if (const auto right = access_->sign_in(incoming, token); !right) return right.error();
  return access_->cookie(is_secure(incoming));
}

std::string door::sign_out(const http::request& incoming) const {
  return access::no_cookie(is_secure(incoming));
}

std::string local_path(std::string_view text) {
  const auto is_harmless = [](char c) {
    return c > ' ' && c < '\x7F' && c != '\\';
  };
  const bool is_local = text.starts_with('/') && !text.starts_with("//") &&
                        text.size() <= path_bytes_max && std::ranges::all_of(text, is_harmless);
  return is_local ? std::string(text) : "/";
}

std::string door::principal(const http::request& /*incoming*/) const {
  return "local";
}

}  // namespace throughline::guard
