// For the tests of the SQLite driver: a directory that goes away, a loop, and words for what a
// caller does.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <filesystem>
#include <future>
#include <latch>
#include <string>
#include <vector>

#include "aio/event_loop.hpp"
#include "sql/sqlite_database.hpp"

namespace throughline::sql {

inline constexpr migration words_table{
    .version = 1,
    .name = "words",
    .statements = "CREATE TABLE words(id bigint PRIMARY KEY, word text UNIQUE, extra bigint)",
    .previous_binary_still_runs = false};

/// While it lives, no file of this process grows beyond `bytes`: the disk refuses the write, though
/// it has space.
class refusing_disk {
 public:
  explicit refusing_disk(std::uintmax_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limited = before_;
    limited.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~refusing_disk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  refusing_disk(const refusing_disk&) = delete;
  refusing_disk& operator=(const refusing_disk&) = delete;

 private:
  rlimit before_{};
};

class sqlite_fixture : public testing::Test {
 protected:
  using statement_body = std::function<aio::awaitable<result<rows>>(transaction&)>;

  sqlite_fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "throughline-sql-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ / "data" / "throughline.db";
  }
  ~sqlite_fixture() override {
    close();
    std::filesystem::remove_all(directory_);
  }

  void open(sqlite_options options = {}) {
    options.file = file_;
    const migration only[] = {words_table};
    auto opened = open_sqlite_database(options, only);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    database_ = std::move(*opened);
  }
  void close() { database_.reset(); }
  sqlite_database& database() { return *database_; }

  /// Why the file cannot be opened; empty if it can.
  std::string refusal(std::span<const migration> migrations) {
    const auto opened = open_sqlite_database({.file = file_}, migrations);
    return opened ? "" : opened.error().detail;
  }
  std::string refusal() {
    const migration only[] = {words_table};
    return refusal(only);
  }

  template <class T>
  std::future<T> start(aio::awaitable<T> work, std::size_t loop = 0) {
    return boost::asio::co_spawn(loops_[loop].get_executor(), std::move(work),
                                 boost::asio::use_future);
  }
  template <class T>
  T run(aio::awaitable<T> work) {
    return start(std::move(work)).get();
  }

  /// One statement in a transaction of its own.
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

  /// Keeps the writer (or a reader) busy until it is let go.
  struct held_thread {
    std::shared_ptr<std::latch> entered = std::make_shared<std::latch>(1);
    std::shared_ptr<std::latch> let_go = std::make_shared<std::latch>(1);
    [[nodiscard]] transaction_body body() const {
      return [entered = entered, let_go = let_go](transaction&) {
        return hold(entered, let_go);
      };
    }
    static aio::awaitable<result<void>> hold(std::shared_ptr<std::latch> entered,
                                             std::shared_ptr<std::latch> let_go) {
      // A transaction that has to be run again passes at once.
      if (!entered->try_wait()) entered->count_down();
      let_go->wait();
      co_return result<void>();
    }
  };

  std::filesystem::path directory_;
  std::filesystem::path file_;
  aio::event_loops loops_{2, "test"};
  std::unique_ptr<sqlite_database> database_;

 private:
  static statement_body one_statement(std::string text, parameters values) {
    return [text = std::move(text),
            values = std::move(values)](transaction& in) -> aio::awaitable<result<rows>> {
      auto found = co_await in.execute(text, values);
      co_return found;
    };
  }
};

}  // namespace throughline::sql
