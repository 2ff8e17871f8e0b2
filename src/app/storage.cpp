#include "app/storage.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "app/configuration_report.hpp"
#include "sql/postgres_database.hpp"
#include "sql/sqlite_database.hpp"
#include "store/schema.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::app {
namespace {

std::size_t to_size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

result<std::unique_ptr<sql::database>> open_database(const configuration& config,
                                                     aio::event_loops& loops) {
  if (config.values.database_url.empty()) {
    const sql::sqlite_options options{
        .file = std::filesystem::path(config.values.data_dir) / "throughline.db"};
    auto opened = sql::open_sqlite_database(options, store::migrations());
    if (!opened) return opened.error();
    return std::unique_ptr<sql::database>(std::move(*opened));
  }
  const sql::postgres_options options{
      .url = config.values.database_url,
      .connections = to_size(config.values.database_connections)};
  auto opened = sql::open_postgres_database(options, store::migrations(), loops);
  if (!opened) return opened.error();
  return std::unique_ptr<sql::database>(std::move(*opened));
}

}  // namespace

result<storage> open_storage(const configuration& config, aio::event_loops& loops) {
  auto database = open_database(config, loops);
  if (!database) return database.error();
  storage opened;
  opened.database = std::move(*database);
  opened.log = stream::make_memory_chunk_log(
      {.bytes_max = to_size(config.values.chunk_log_bytes_max), .ttl = config.values.chunk_ttl});
  opened.is_alone = config.values.database_url.empty();
  return opened;
}

std::string describe_database(const configuration& config) {
  if (config.values.database_url.empty()) {
    return fmt::format("Database: SQLite in {} ({})", config.values.data_dir,
                       config.origin_of("data-dir").where);
  }
  return fmt::format("Database: PostgreSQL, {} ({})", service_name(config.values.database_url),
                     config.origin_of("database-url").where);
}

std::string describe_log(const configuration& config) {
  if (config.values.redis_url.empty()) return "Answers under way: in memory";
  return fmt::format("Answers under way: Redis, {} ({})", service_name(config.values.redis_url),
                     config.origin_of("redis-url").where);
}

}  // namespace throughline::app
