// The schema of a SQLite file: reads which migrations it has, refuses a file that this binary must
// not touch, and applies what is missing. Used by open_sqlite_database.
#pragma once

#include <filesystem>
#include <span>

#include "base/error.hpp"
#include "sql/migrations.hpp"
#include "sql/sqlite_connection.hpp"

namespace throughline::sql {

/// Whether this binary may open the database: reads only. Errors: it belongs to another program, is
/// newer than this binary. Throws sqlite_failed if it cannot be read. REQUIRES: `migrations` in
/// ascending order of version.
[[nodiscard]] result<void> check_schema(sqlite_connection& connection,
                                        const std::filesystem::path& file,
                                        std::span<const migration> migrations);

/// Applies what is missing, each in a transaction of its own. Foreign keys are not enforced
/// meanwhile (a table may be built anew under its name) but checked before each commit. REQUIRES:
/// check_schema() passed, no other connection, and `connection` outside of a transaction.
[[nodiscard]] result<void> apply_migrations(sqlite_connection& connection,
                                            const std::filesystem::path& file,
                                            std::span<const migration> migrations);

}  // namespace throughline::sql
