#include "sql/sqlite_schema.hpp"

#include <fmt/format.h>

#include "sql/dialect.hpp"
#include "sql/schema_versions.hpp"

namespace throughline::sql {
namespace {

constexpr std::string_view create_migrations_table =
    "CREATE TABLE IF NOT EXISTS schema_migrations(version bigint PRIMARY KEY, name text NOT NULL, "
    "applied_at bigint NOT NULL, previous_binary_still_runs bigint NOT NULL)";

bool has_migrations_table(sqlite_connection& connection) {
  const auto found = connection.execute(
      "SELECT 1 FROM pragma_table_info('schema_migrations') "
      "WHERE name = 'previous_binary_still_runs'");
  return !found.empty();
}

bool has_any_table(sqlite_connection& connection) {
  return !connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").empty();
}

applied_versions read_applied(sqlite_connection& connection) {
  applied_versions applied;
  if (!has_migrations_table(connection)) return applied;
  for (const auto& line :
       connection.execute("SELECT version, previous_binary_still_runs FROM schema_migrations")) {
    applied.emplace(line.at(0).integer(), line.at(1).integer() != 0);
  }
  return applied;
}

void require_no_dangling_rows(sqlite_connection& connection) {
  const auto dangling = connection.execute("PRAGMA foreign_key_check");
  if (dangling.empty()) return;
  throw sqlite_failed(
      SQLITE_CONSTRAINT_FOREIGNKEY, statement_failed::cause::other,
      fail(errc::internal, fmt::format("{} rows refer to rows that are not there, the first in {}",
                                       dangling.size(), dangling[0].at(0).text())));
}

void apply(sqlite_connection& connection, const migration& each) {
  connection.execute("BEGIN IMMEDIATE");
  connection.execute(create_migrations_table);
  for (const auto statement : split_statements(each.statements)) connection.execute(statement);
  connection.execute(
      "INSERT INTO schema_migrations(version, name, applied_at, previous_binary_still_runs) "
      "VALUES($1, $2, now_ms(), $3)",
      {each.version, each.name, each.previous_binary_still_runs});
  require_no_dangling_rows(connection);
  connection.execute("COMMIT");
}

}  // namespace

result<void> check_schema(sqlite_connection& connection, const std::filesystem::path& file,
                          std::span<const migration> migrations) {
  if (has_any_table(connection) && !has_migrations_table(connection)) {
    return fail(
        errc::storage_failed,
        fmt::format("{} is a database of another program; use another --data-dir", file.string()));
  }
  return check_versions(read_applied(connection), migrations, file.string(), "another --data-dir");
}

result<void> apply_migrations(sqlite_connection& connection, const std::filesystem::path& file,
                              std::span<const migration> migrations) {
  const auto applied = read_applied(connection);
  connection.execute("PRAGMA foreign_keys=OFF");
  for (const auto& each : migrations) {
    if (applied.contains(each.version)) continue;
    try {
      apply(connection, each);
    } catch (const sqlite_failed& failed) {
      connection.roll_back_if_open();
      return fail(failed.failure().code,
                  fmt::format("{} could not be brought to schema {} ({}): {}", file.string(),
                              each.version, each.name, failed.failure().detail));
    }
  }
  connection.execute("PRAGMA foreign_keys=ON");
  return {};
}

}  // namespace throughline::sql
