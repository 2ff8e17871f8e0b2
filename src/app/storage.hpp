// Where a process keeps what it keeps, as configured: everything in SQLite or PostgreSQL, the
// answers under way in its own memory or in Redis. Nobody behind this knows which it is.
#pragma once

#include <memory>
#include <string>

#include "aio/event_loop.hpp"
#include "app/configuration.hpp"
#include "base/error.hpp"
#include "sql/database.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::app {

struct storage {
  std::unique_ptr<sql::database> database;
  std::unique_ptr<stream::chunk_log> log;
  /// No other process can use the database: nobody else has tasks, and those that are running when
  /// it is opened are running no more.
  bool is_alone = true;
};

/// Opens the database, migrated. Blocks; `loops` run, and outlive what is returned. An error is a
/// sentence that says what to do.
[[nodiscard]] result<storage> open_storage(const configuration& config, aio::event_loops& loops);

/// One line for each: what is used, and where that was configured.
[[nodiscard]] std::string describe_database(const configuration& config);
[[nodiscard]] std::string describe_log(const configuration& config);

}  // namespace throughline::app
