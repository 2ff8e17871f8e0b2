// Stands in front of a database and remembers the text of every statement, so that a test can
// compare what the store really executes with the statements it says it has.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "sql/database.hpp"

namespace throughline::store {

/// Of all tests of the process.
class statement_texts {
 public:
  static statement_texts& executed() {
    static statement_texts all;
    return all;
  }
  void add(std::string_view text) {
    const std::lock_guard lock(mutex_);
    texts_.emplace(text);
  }
  std::set<std::string> all() {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> texts_;
};

class recording_database : public sql::database {
 public:
  explicit recording_database(sql::database& inner) : inner_(inner) {}

  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    return inner_.write_transaction(recorded(std::move(body)));
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(recorded(std::move(body)));
  }

 private:
  class recording_transaction : public sql::transaction {
   public:
    explicit recording_transaction(sql::transaction& inner) : inner_(inner) {}
    aio::awaitable<sql::rows> execute(std::string_view text, sql::parameters values) override {
      statement_texts::executed().add(text);
      return inner_.execute(text, std::move(values));
    }
    aio::awaitable<> execute_with_next(std::string_view text, sql::parameters values) override {
      statement_texts::executed().add(text);
      return inner_.execute_with_next(text, std::move(values));
    }

   private:
    sql::transaction& inner_;
  };

  static aio::awaitable<result<void>> run(sql::transaction& in, sql::transaction_body body) {
    recording_transaction recording(in);
    auto outcome = co_await body(recording);
    co_return outcome;
  }
  static sql::transaction_body recorded(sql::transaction_body body) {
    return [body = std::move(body)](sql::transaction& in) {
      return run(in, body);
    };
  }

  sql::database& inner_;
};

/// Commits every transaction and then runs it again, as a driver does whose connection broke before
/// the reply to COMMIT.
class doubting_database : public sql::database {
 public:
  explicit doubting_database(sql::database& inner) : inner_(inner) {}

  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    const auto first = co_await inner_.write_transaction(body);
    if (!first) co_return first.error();
    auto second = co_await inner_.write_transaction(body);
    co_return second;
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(std::move(body));
  }

 private:
  sql::database& inner_;
};

}  // namespace throughline::store
