#include "sql/postgres_schema.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "aio/event_loop.hpp"
#include "base/assert.hpp"
#include "sql/dialect.hpp"
#include "sql/postgres_connection.hpp"
#include "sql/schema_versions.hpp"

namespace throughline::sql {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds server_starts_within{250};  // looked at again after that
constexpr std::string_view no_privilege = "42501";

// The lock's number is "thrghln" in ASCII: it is the database's, not the schema's, and others may
// take locks there too.
constexpr std::string_view lock_text = "SELECT pg_advisory_lock(32765937868893294)";
constexpr std::string_view has_schema_text =
    "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'throughline'";
constexpr std::string_view has_tables_text =
    "SELECT to_regclass('throughline.schema_migrations') IS NOT NULL, EXISTS(SELECT 1 "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'throughline' AND c.relkind IN ('r', 'p', 'v', 'm'))";
constexpr std::string_view create_schema_text = "CREATE SCHEMA throughline";
constexpr std::string_view create_now_text = R"(
CREATE OR REPLACE FUNCTION throughline.now_ms() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS bigint) $$)";
// Beside the built-in json_each(json); text, and a parameter without a type, are this one's.
constexpr std::string_view create_json_each_text = R"(
CREATE OR REPLACE FUNCTION throughline.json_each(doc text) RETURNS TABLE(key bigint, value json)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT place - 1, element
FROM json_array_elements(CAST(doc AS json)) WITH ORDINALITY AS listed(element, place) $$)";
constexpr std::string_view create_migrations_text =
    "CREATE TABLE throughline.schema_migrations(version bigint PRIMARY KEY, name text NOT NULL, "
    "applied_at bigint NOT NULL, previous_binary_still_runs bigint NOT NULL)";
constexpr std::string_view read_applied_text =
    "SELECT version, previous_binary_still_runs FROM throughline.schema_migrations";
constexpr std::string_view note_applied_text =
    "INSERT INTO throughline.schema_migrations(version, name, applied_at, "
    "previous_binary_still_runs) VALUES($1, $2, throughline.now_ms(), $3)";

std::string name_of(const postgres_address& at) {
  return fmt::format("the database \"{}\" on {}", at.database, at.shown());
}

/// One process's visit to the schema, with the lock.
class schema_visit {
 public:
  schema_visit(const postgres_address& at, std::span<const migration> migrations,
               schema_deadlines deadlines)
      : at_(at),
        migrations_(migrations),
        connect_until_(steady_clock::now() + deadlines.connect),
        until_(steady_clock::now() + deadlines.migrate) {
    session_.statement_timeout = deadlines.migrate;
    session_.idle_timeout = deadlines.migrate;
  }

  aio::awaitable<result<void>> run() {
    std::optional<error> failure;
    try {
      co_await connect();
      auto outcome = co_await bring_up_to_date();
      co_return outcome;
    } catch (const postgres_failed& failed) {
      failure = failed.failure();
    }
    co_return *failure;
  }

 private:
  aio::awaitable<> connect() {
    const auto here = co_await aio::asio::this_coro::executor;
    while (!connection_) {
      std::optional<postgres_failed> failure;
      try {
        connection_ = co_await postgres_connection::open(here, at_, session_, connect_until_);
      } catch (const postgres_failed& failed) {
        failure = failed;
      }
      if (!failure) break;
      const auto again = steady_clock::now() + server_starts_within;
      if (!failure->is_server_busy() || again >= connect_until_) throw *failure;
      co_await aio::sleep_until(again);
    }
  }

  aio::awaitable<rows> execute(std::string_view text) {
    return connection_->execute_once(text, until_);
  }

  aio::awaitable<result<void>> bring_up_to_date() {
    co_await execute(lock_text);  // until the connection ends
    const auto found = co_await execute(has_tables_text);
    const bool has_versions = found[0][0].integer() != 0;
    if (!has_versions && found[0][1].integer() != 0) {
      co_return fail(errc::storage_failed,
                     fmt::format("the schema \"throughline\" of {} belongs to another program; use "
                                 "another database",
                                 name_of(at_)));
    }
    if (!has_versions) {
      auto made = co_await make_schema();
      if (!made) co_return made;
    }
    applied_versions applied;
    const auto lines = co_await execute(read_applied_text);
    for (const auto& line : lines) {
      applied.emplace(line.at(0).integer(), line.at(1).integer() != 0);
    }
    auto checked = check_versions(applied, migrations_, name_of(at_), "another database");
    if (!checked) co_return checked;
    for (const auto& each : migrations_) {
      if (applied.contains(each.version)) continue;
      auto done = co_await apply(each);
      if (!done) co_return done;
    }
    co_return result<void>();
  }

  aio::awaitable<result<void>> make_schema() {
    std::optional<postgres_failed> failure;
    try {
      // An administrator may have made it for a user who may not.
      const auto found = co_await execute(has_schema_text);
      connection_->add_once("BEGIN");
      if (found.empty()) connection_->add_once(create_schema_text);
      connection_->add_once(create_now_text);
      connection_->add_once(create_json_each_text);
      connection_->add_once(create_migrations_text);
      co_await execute("COMMIT");
    } catch (const postgres_failed& failed) {
      failure = failed;
    }
    if (!failure) co_return result<void>();
    if (failure->state() == no_privilege) {
      co_return fail(errc::storage_failed,
                     fmt::format("the user \"{}\" may not make the schema \"throughline\" in {}; "
                                 "let an administrator run there: CREATE SCHEMA throughline "
                                 "AUTHORIZATION \"{}\"",
                                 at_.user, name_of(at_), at_.user));
    }
    co_return failure->failure();
  }

  aio::awaitable<result<void>> apply(const migration& each) {
    std::optional<error> failure;
    try {
      connection_->add_once("BEGIN");
      for (const auto statement : split_statements(each.statements)) {
        connection_->add_once(statement);
      }
      connection_->add(note_applied_text,
                       {each.version, each.name, each.previous_binary_still_runs});
      co_await execute("COMMIT");
    } catch (const postgres_failed& failed) {
      failure = failed.failure();
    }
    if (!failure) co_return result<void>();
    co_return fail(failure->code,
                   fmt::format("{} could not be brought to schema {} ({}): {}", name_of(at_),
                               each.version, each.name, failure->detail));
  }

  const postgres_address& at_;
  const std::span<const migration> migrations_;
  const steady_time connect_until_;
  const steady_time until_;
  postgres_session session_;
  std::unique_ptr<postgres_connection> connection_;
};

}  // namespace

result<void> prepare_postgres_schema(const postgres_address& at,
                                     std::span<const migration> migrations,
                                     schema_deadlines deadlines) {
  THROUGHLINE_ASSERT(aio::event_loop::current() == nullptr);
  aio::event_loop loop;
  schema_visit visit(at, migrations, deadlines);
  std::optional<result<void>> outcome;
  std::exception_ptr thrown;
  boost::asio::co_spawn(loop.get_executor(), visit.run(),
                        [&](const std::exception_ptr& failure, result<void> came) {
                          thrown = failure;
                          outcome = std::move(came);
                          loop.stop();
                        });
  loop.run();
  if (thrown) std::rethrow_exception(thrown);
  THROUGHLINE_ASSERT(outcome.has_value());
  return *std::move(outcome);
}

}  // namespace throughline::sql
