// How PostgreSQL fails, as statement_failed: what a SQLSTATE means for whoever runs transactions,
// and the sentences about a server that cannot be reached. Pure functions. Used by
// postgres_connection, and by what runs transactions on it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "sql/database.hpp"
#include "sql/postgres_address.hpp"

namespace throughline::sql {

/// A statement_failed that remembers the SQLSTATE (five characters; empty: it was not the server
/// who said so).
class postgres_failed : public statement_failed {
 public:
  postgres_failed(std::string state, cause why, error what)
      : statement_failed(why, std::move(what)), state_(std::move(state)) {}
  [[nodiscard]] const std::string& state() const noexcept { return state_; }

  /// The connection, or the session on it, is of no use any more; another one may be.
  [[nodiscard]] bool is_connection_lost() const noexcept;
  /// The transaction stood in the way of another one, and may succeed when it runs again.
  [[nodiscard]] bool is_conflict() const noexcept;
  /// Whether the server takes no connection now, but is there: it is starting up or has too many.
  [[nodiscard]] bool is_server_busy() const noexcept;

 private:
  std::string state_;
};

/// What the server answered to `text` (the program's own, it holds no data). `message` is its
/// primary message; it is left out where it may quote data.
[[nodiscard]] postgres_failed server_failure(std::string_view state, std::string_view message,
                                             std::string_view text);

/// The server has gone, or does not answer in time. `unavailable`.
[[nodiscard]] postgres_failed connection_lost(std::string why);

/// Why a connection could not be made: a sentence that names host and port and the mend, never the
/// password. `message` is libpq's, with the SQLSTATE in it (PQERRORS_VERBOSE).
[[nodiscard]] postgres_failed connect_failure(std::string_view message, bool lacks_password,
                                              const postgres_address& to);

}  // namespace throughline::sql
