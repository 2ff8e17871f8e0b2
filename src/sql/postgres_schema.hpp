// The schema `throughline` of a PostgreSQL database: made if it is missing, refused if this binary
// must not touch it, and brought up to date, by one process at a time (an advisory lock). Used by
// open_postgres_database.
#pragma once

#include <span>

#include "base/clock.hpp"
#include "sql/migrations.hpp"
#include "sql/postgres_address.hpp"

namespace throughline::sql {

struct schema_deadlines {
  milliseconds connect;  // also for a server that is starting up
  milliseconds migrate;  // all of it, and waiting for another process
};

/// Over a connection of its own. Blocks; on no event loop. REQUIRES: `migrations` in ascending
/// order of version. Errors as of open_postgres_database.
[[nodiscard]] result<void> prepare_postgres_schema(const postgres_address& at,
                                                   std::span<const migration> migrations,
                                                   schema_deadlines deadlines);

}  // namespace throughline::sql
