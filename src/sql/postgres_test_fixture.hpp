// For the tests of the PostgreSQL driver: a database with a table of words, loops, and words for
// what a caller does.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "base/metrics.hpp"
#include "sql/postgres_database.hpp"
#include "sql/postgres_test_server.hpp"

namespace throughline::sql {

inline constexpr migration postgres_words{
    .version = 1,
    .name = "words",
    .statements = "CREATE TABLE words(id @id PRIMARY KEY, word text UNIQUE, extra bigint)",
    .previous_binary_still_runs = false};

class postgres_fixture : public testing::Test {
 protected:
  using statement_body = std::function<aio::awaitable<result<rows>>(transaction&)>;

  ~postgres_fixture() override { close(); }

  void open(postgres_options options = {}) {
    options.url = stored_.url();
    const migration only[] = {postgres_words};
    auto opened = open_postgres_database(options, only, loops_);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    database_ = std::move(*opened);
  }
  void close() { database_.reset(); }
  postgres_database& database() { return *database_; }
  static postgres_test_server& server() { return postgres_test_server::shared(); }

  template <class T>
  std::future<T> start(aio::awaitable<T> work, std::size_t loop = 0) {
    return boost::asio::co_spawn(loops_[loop].get_executor(), std::move(work),
                                 boost::asio::use_future);
  }
  template <class T>
  T run(aio::awaitable<T> work) {
    return start(std::move(work)).get();
  }

  static aio::awaitable<result<rows>> write(sql::database& in, std::string text,
                                            parameters values = {}) {
    statement_body body = one_statement(std::move(text), std::move(values));
    auto outcome = co_await in.write<rows>(std::move(body));
    co_return outcome;
  }
  static aio::awaitable<result<rows>> read(sql::database& in, std::string text,
                                           parameters values = {}) {
    statement_body body = one_statement(std::move(text), std::move(values));
    auto outcome = co_await in.read<rows>(std::move(body));
    co_return outcome;
  }
  static aio::awaitable<result<rows>> write(sql::database& in, statement_body body) {
    auto outcome = co_await in.write<rows>(std::move(body));
    co_return outcome;
  }
  result<rows> write(std::string text, parameters values = {}) {
    return run(write(*database_, std::move(text), std::move(values)));
  }
  result<rows> read(std::string text, parameters values = {}) {
    return run(read(*database_, std::move(text), std::move(values)));
  }
  std::int64_t count_words() {
    const auto found = read("SELECT count(*) FROM words");
    return found.value()[0][0].integer();
  }
  static errc code_of(const result<rows>& outcome) {
    return outcome ? errc::internal : outcome.error().code;
  }

  /// Of the sessions in this test's database (the one that asks aside).
  [[nodiscard]] int sessions(const std::string& where) const {
    return std::stoi(
        stored_.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                    "pid <> pg_backend_pid() AND " +
                    where));
  }
  void end_sessions(const std::string& where = "true") const {
    stored_.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
        "current_database() AND pid <> pg_backend_pid() AND " +
        where);
  }
  static std::uint64_t repeated(const char* cause) {
    return metrics::find_counter(metrics::transactions_repeated, {cause}).value();
  }

  /// Another program that holds lock number 1.
  class lock_holder {
   public:
    explicit lock_holder(const postgres_test_database& in)
        : connection_(PQconnectdb(in.url().c_str()), PQfinish) {
      PQclear(PQexec(connection_.get(), "SELECT pg_advisory_lock(1)"));
    }

   private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  };

  static statement_body one_statement(std::string text, parameters values) {
    return [text = std::move(text),
            values = std::move(values)](transaction& in) -> aio::awaitable<result<rows>> {
      auto found = co_await in.execute(text, values);
      co_return found;
    };
  }

  postgres_test_database stored_;
  aio::event_loops loops_{2, "test"};
  std::unique_ptr<postgres_database> database_;
};

}  // namespace throughline::sql
