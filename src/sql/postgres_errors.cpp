#include "sql/postgres_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace throughline::sql {
namespace {

using cause = statement_failed::cause;

constexpr std::string_view unique_violation = "23505";
constexpr std::string_view serialization_failure = "40001";
constexpr std::string_view deadlock_detected = "40P01";
constexpr std::string_view disk_full = "53100";
constexpr std::string_view too_many_connections = "53300";
constexpr std::string_view query_canceled = "57014";
constexpr std::string_view cannot_connect_now = "57P03";
constexpr std::string_view no_such_database = "3D000";

/// After these the server closes the connection, or the session can do nothing more: it was told to
/// go, or a fail-over has left it behind on a server that only reads.
constexpr std::array<std::string_view, 6> ends_session{"57P01", "57P02", "57P03",
                                                       "57P05", "25P03", "25006"};

bool is_of_class(std::string_view state, std::string_view prefix) {
  return state.starts_with(prefix);
}

cause cause_of(std::string_view state) {
  if (state == unique_violation) return cause::unique_violation;
  if (state == disk_full) return cause::storage_full;
  if (state == query_canceled || state == "55P03") return cause::interrupted;
  return cause::other;
}

errc errc_of(std::string_view state) {
  if (state == unique_violation) return errc::conflict;
  if (state == disk_full) return errc::storage_full;
  if (state == serialization_failure || state == deadlock_detected || state == query_canceled ||
      state == "55P03" || is_of_class(state, "53")) {
    return errc::overloaded;
  }
  if (is_of_class(state, "58") || is_of_class(state, "XX") || is_of_class(state, "F0")) {
    return errc::storage_failed;
  }
  return errc::internal;
}

bool is_state(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

/// `FATAL:  3D000: database "x" does not exist` holds 3D000.
std::string_view state_in(std::string_view message) {
  for (auto at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const auto word = message.substr(at + 3, 5);
    if (is_state(word) && message.substr(at + 8).starts_with(": ")) return word;
  }
  return {};
}

/// The first line without the prefix that says where it was going and the SQLSTATE.
std::string_view gist_of(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  if (const auto state = state_in(message); !state.empty()) {
    return message.substr(static_cast<std::size_t>(state.data() - message.data()) + 7);
  }
  if (const auto at = message.find(" failed: "); at != std::string_view::npos) {
    return message.substr(at + 9);
  }
  return message;
}

std::string quoted_for_shell(std::string_view word) {
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("_-./:").find(c) != std::string_view::npos;
  });
  if (is_plain) return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string command_that_creates(const postgres_address& to) {
  return fmt::format("createdb -h {} -p {} -U {} -E UTF8 -T template0 {}",
                     quoted_for_shell(to.host), to.port, quoted_for_shell(to.user),
                     quoted_for_shell(to.database));
}

}  // namespace

bool postgres_failed::is_connection_lost() const noexcept {
  return (state_.empty() && failure().code == errc::unavailable) || is_of_class(state_, "08") ||
         std::ranges::find(ends_session, std::string_view(state_)) != ends_session.end();
}

bool postgres_failed::is_conflict() const noexcept {
  return state_ == serialization_failure || state_ == deadlock_detected;
}

bool postgres_failed::is_server_busy() const noexcept {
  return state_ == cannot_connect_now || state_ == too_many_connections;
}

postgres_failed server_failure(std::string_view state, std::string_view message,
                               std::string_view text) {
  const auto kind = errc_of(state);
  auto detail = is_of_class(state, "22") ? fmt::format("data exception {}", state)
                                         : fmt::format("{} ({})", message, state);
  if (kind == errc::internal) detail += fmt::format(": {:.200}", text);
  return {std::string(state), cause_of(state), fail(kind, std::move(detail))};
}

postgres_failed connection_lost(std::string why) {
  return {"", cause::other, fail(errc::unavailable, std::move(why))};
}

postgres_failed connect_failure(std::string_view message, bool lacks_password,
                                const postgres_address& to) {
  const std::string state(state_in(message));
  std::string detail;
  if (state == no_such_database) {
    detail = fmt::format("there is no database \"{}\" on {}; create it with: {}", to.database,
                         to.shown(), command_that_creates(to));
  } else if (lacks_password) {
    detail = fmt::format("{} wants a password for the user \"{}\"; put it into DATABASE_URL",
                         to.shown(), to.user);
  } else if (is_of_class(state, "28")) {
    detail = fmt::format("{} does not let the user \"{}\" in ({}); see DATABASE_URL", to.shown(),
                         to.user, gist_of(message));
  } else if (state.empty()) {
    detail = fmt::format("the database server at {} cannot be reached ({}); see DATABASE_URL",
                         to.shown(), gist_of(message));
  } else {
    detail = fmt::format("the database server at {} takes no connection ({})", to.shown(),
                         gist_of(message));
  }
  return {state, cause::other, fail(errc::unavailable, std::move(detail))};
}

}  // namespace throughline::sql
