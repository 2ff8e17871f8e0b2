#include "guard/access.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/sha256.hpp"

namespace throughline::guard {
namespace {

constexpr std::string_view bearer = "Bearer ";

/// A browser takes a cookie of the first name over TLS only, for this host only, and from nobody
/// else.
std::string_view cookie_name(bool is_secure) {
  return is_secure ? "__Host-throughline" : "throughline";
}

std::string cookie_with(std::string_view value, seconds lasts, bool is_secure) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", cookie_name(is_secure),
                     value, lasts.count(), is_secure ? "; Secure" : "");
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// nullopt: no token was sent. Other schemes are none of ours; something in front of us may use
/// them.
std::optional<std::string_view> sent_token(const http::request& incoming) {
  const auto sent = incoming.headers.find("Authorization");
  if (!sent || !http::same_name(sent->substr(0, bearer.size()), bearer)) return std::nullopt;
  return without_blanks(sent->substr(bearer.size()));
}

void count_refusal(std::string_view reason) {
  metrics::find_counter(metrics::access_refused, {std::string(reason)}).add();
}

}  // namespace

access::access(std::string token, const clock& time)
    : time_(time), digest_(sha256_hex(token)), seal_(token) {}

result<access::pass> access::check(const http::request& incoming, bool is_secure) {
  if (const auto token = sent_token(incoming)) {
    if (auto right = compare(incoming, *token); !right) return right.error();
    return pass::token;
  }
  if (has_good_note(incoming, is_secure)) return pass::session;
  count_refusal("no_token");
  return fail(errc::unauthorized,
              "This server has an access token: send it as \"Authorization: Bearer TOKEN\", or "
              "sign in at /sign-in");
}

result<void> access::sign_in(const http::request& incoming, std::string_view token) {
  return compare(incoming, without_blanks(token));
}

result<void> access::compare(const http::request& incoming, std::string_view token) {
  const auto is_right = [&] {
    return is_same_secret(sha256_hex(token), digest_);
  };
  const auto tried = attempts_.attempt(incoming.remote_address, time_.steady_now(), is_right);
  if (tried.is_right) return {};
  if (tried.wait > tried.wait.zero()) {
    count_refusal("limited");
    const auto wait = std::chrono::ceil<seconds>(tried.wait);
    return fail(
        errc::too_many_requests,
        fmt::format("There were too many wrong access tokens; try again in {} s", wait.count()),
        wait);
  }
  count_refusal("wrong_token");
  log::warning("wrong access token", {{"address", incoming.remote_address},
                                      {"path", incoming.path},
                                      {"request_id", incoming.request_id}});
  return fail(errc::unauthorized, "The access token is not this server's");
}

bool access::has_good_note(const http::request& incoming, bool is_secure) const {
  const auto name = cookie_name(is_secure);
  const auto now = time_.wall_now();
  for (const auto& [header, value] : incoming.headers) {
    if (!http::same_name(header, "Cookie")) continue;
    // A stranger's cookie of this name does not stand in the way of a good one.
    for (std::string_view left = value; !left.empty();) {
      const auto end = std::min(left.find(';'), left.size());
      const auto pair = without_blanks(left.substr(0, end));
      left.remove_prefix(std::min(end + 1, left.size()));
      if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
      if (seal_.is_good(pair.substr(name.size() + 1), now)) return true;
    }
  }
  return false;
}

std::string access::cookie(bool is_secure) const {
  return cookie_with(seal_.issue(time_.wall_now()), session_seal::lifetime, is_secure);
}

void access::show_counters() {
  for (const auto* const reason : {"no_token", "wrong_token", "limited"}) {
    metrics::find_counter(metrics::access_refused, {reason}).add(0);
  }
}

std::string access::no_cookie(bool is_secure) {
  return cookie_with("", seconds(0), is_secure);
}

}  // namespace throughline::guard
