#include "app/storage.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "app/configuration_report.hpp"
#include "app/redis_storage.hpp"
#include "sql/postgres_database.hpp"
#include "sql/sqlite_database.hpp"
#include "store/schema.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::app {
namespace {

std::size_t to_size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

class configured_storage final : public storage {
 public:
  configured_storage(std::unique_ptr<sql::database> database, const settings& values,
                     std::optional<redis::server> redis, aio::event_loops& loops)
      : database_(std::move(database)), is_alone_(values.database_url.empty()) {
    if (redis) {
      redis_ = std::make_unique<redis_storage>(std::move(*redis), loops, bells_, values.chunk_ttl);
    } else {
      memory_log_ = stream::make_memory_chunk_log(
          {.bytes_max = to_size(values.chunk_log_bytes_max), .ttl = values.chunk_ttl});
    }
  }

  sql::database& database() override { return *database_; }
  stream::chunk_log& log() override { return redis_ ? redis_->log() : *memory_log_; }
  engine::notices& bells() override { return bells_; }
  store::signals& signals() override { return redis_ ? redis_->signals() : bells_; }

  [[nodiscard]] bool is_alone() const override { return is_alone_; }
  [[nodiscard]] bool has_redis() const override { return redis_ != nullptr; }
  [[nodiscard]] std::string what_is_wrong_with_redis() const override {
    return redis_ ? redis_->what_is_wrong() : std::string();
  }

  aio::awaitable<> stop() override {
    if (redis_) co_await redis_->stop();
  }
  void close() override { database_.reset(); }

 private:
  std::unique_ptr<sql::database> database_;
  const bool is_alone_;
  engine::notices bells_;
  std::unique_ptr<stream::chunk_log> memory_log_;
  std::unique_ptr<redis_storage> redis_;
};

result<std::unique_ptr<sql::database>> open_database(const settings& values,
                                                     aio::event_loops& loops) {
  if (values.database_url.empty()) {
    const sql::sqlite_options options{.file =
                                          std::filesystem::path(values.data_dir) / "throughline.db"};
    auto opened = sql::open_sqlite_database(options, store::migrations());
    if (!opened) return opened.error();
    return std::unique_ptr<sql::database>(std::move(*opened));
  }
  sql::postgres_options options;
  options.url = values.database_url;
  options.connections = to_size(values.database_connections);
  auto opened = sql::open_postgres_database(options, store::migrations(), loops);
  if (!opened) return opened.error();
  return std::unique_ptr<sql::database>(std::move(*opened));
}

result<std::optional<redis::server>> find_redis(const std::string& url) {
  if (url.empty()) return std::optional<redis::server>();
  auto at = redis::parse_address(url);
  if (!at) return at.error();
  auto found = redis::make_server(std::move(*at));
  if (!found) return found.error();
  return std::optional<redis::server>(std::move(*found));
}

}  // namespace

result<std::unique_ptr<storage>> open_storage(const configuration& config,
                                              aio::event_loops& loops) {
  auto redis = find_redis(config.values.redis_url);
  if (!redis) {
    return fail(redis.error().code, fmt::format("{}: {}", config.origin_of("redis-url").where,
                                                redis.error().detail));
  }
  auto database = open_database(config.values, loops);
  if (!database) return database.error();
  return std::unique_ptr<storage>(std::make_unique<configured_storage>(
      std::move(*database), config.values, std::move(*redis), loops));
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
