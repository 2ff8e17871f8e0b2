// Where a PostgreSQL database is: a URL as people write it, made into the settings libpq takes.
// Used by the driver.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace throughline::sql {

struct postgres_address {
  /// In the order of the URL; every name once. Holds the password.
  std::vector<std::pair<std::string, std::string>> settings;
  // For messages. Of several hosts, as in the URL, separated by commas.
  std::string host;
  std::string port;
  std::string database;
  std::string user;

  /// "host:port", for messages and the log.
  [[nodiscard]] std::string shown() const { return host + ":" + port; }
  /// Empty: it is not set.
  [[nodiscard]] std::string_view setting(std::string_view name) const;
  void set(std::string_view name, std::string value);
  void set_if_missing(std::string_view name, std::string value);
};

/// Reads `postgres://`, `postgresql://` and `postgresql+DRIVER://` (the driver is of other
/// programs) with all that libpq knows: several hosts, a Unix socket's directory as host, `sslmode`
/// and other parameters behind a `?`. What the URL leaves out comes from libpq's own variables
/// (PGHOST, PGPASSWORD, ...), the password also from ~/.pgpass. `invalid_request`: a sentence that
/// says what is wrong and holds nothing of the URL but the name of a parameter.
[[nodiscard]] result<postgres_address> parse_postgres_url(std::string_view url);

}  // namespace throughline::sql
