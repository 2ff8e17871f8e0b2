// Where a process keeps what it keeps, as configured: everything in SQLite or PostgreSQL, the
// answers under way and the bells in its own memory or in Redis. Nobody behind this knows which it
// is.
#pragma once

#include <memory>
#include <string>

#include "aio/event_loop.hpp"
#include "app/configuration.hpp"
#include "base/error.hpp"
#include "engine/notices.hpp"
#include "sql/database.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::app {

class storage {
 public:
  virtual ~storage() = default;

  [[nodiscard]] virtual sql::database& database() = 0;
  [[nodiscard]] virtual stream::chunk_log& log() = 0;
  /// What rings in this process.
  [[nodiscard]] virtual engine::notices& bells() = 0;
  /// What the store rings: the bells of all processes.
  [[nodiscard]] virtual store::signals& signals() = 0;

  /// No other process can use the database: nobody else has tasks, and those that are running when
  /// it is opened are running no more.
  [[nodiscard]] virtual bool is_alone() const = 0;
  /// Whether there is a Redis to miss; and a sentence that says what is missed while it is away.
  [[nodiscard]] virtual bool has_redis() const = 0;
  [[nodiscard]] virtual std::string what_is_wrong_with_redis() const = 0;

  /// Ends what it does by itself; when everybody else has stopped. Any loop.
  [[nodiscard]] virtual aio::awaitable<> stop() = 0;
  /// After that, while the loops still run: waits for the database to be closed. On none of them.
  virtual void close() = 0;
};

/// Opens the database, migrated. Blocks; `loops` run, and outlive what is returned. A Redis that is
/// away is no error. An error is a sentence that says what to do.
[[nodiscard]] result<std::unique_ptr<storage>> open_storage(const configuration& config,
                                                            aio::event_loops& loops);

/// One line for each: what is used, and where that was configured.
[[nodiscard]] std::string describe_database(const configuration& config);
[[nodiscard]] std::string describe_log(const configuration& config);

}  // namespace throughline::app
