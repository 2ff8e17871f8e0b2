// For tests: a database that passes everything on to another one and knows one statement. What
// writes with it can be refused, or be done and have its reply wait.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "aio/bell.hpp"
#include "sql/database.hpp"

namespace throughline::engine {

class watched_database final : public sql::database {
 public:
  /// Who waits for a reply that is held waits on `loop`.
  watched_database(sql::database& inner, aio::event_loop& loop, std::string_view statement)
      : inner_(inner), statement_(statement), released_(aio::bell::create(loop)) {}

  /// Whether an execution of the statement is refused, as `overloaded`. Set before it is used; on
  /// the database's thread.
  std::function<bool(const sql::parameters&)> refuses;
  std::atomic<int> refused{0};

  /// The reply to the next transaction with the statement waits for release(); one at a time.
  void hold() { holds_ = true; }
  void release() {
    holds_ = false;
    released_->ring();
  }
  std::atomic<int> held{0};

  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    const auto is_of_it = std::make_shared<std::atomic<bool>>(false);
    sql::transaction_body watched = [this, body = std::move(body), is_of_it](sql::transaction& in) {
      return run(in, body, is_of_it);
    };
    auto outcome = co_await inner_.write_transaction(std::move(watched));
    if (*is_of_it && holds_) {
      ++held;
      while (holds_) co_await released_->wait_uncancelled();
    }
    co_return outcome;
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(std::move(body));
  }

 private:
  using flag = std::shared_ptr<std::atomic<bool>>;

  class watched_transaction final : public sql::transaction {
   public:
    watched_transaction(sql::transaction& inner, watched_database& by, flag is_of_it)
        : inner_(inner), by_(by), is_of_it_(std::move(is_of_it)) {}
    aio::awaitable<sql::rows> execute(std::string_view text, sql::parameters values) override {
      if (text == by_.statement_) {
        *is_of_it_ = true;
        if (by_.refuses && by_.refuses(values)) {
          ++by_.refused;
          throw sql::statement_failed(sql::statement_failed::cause::other,
                                      fail(errc::overloaded, "as told"));
        }
      }
      return inner_.execute(text, std::move(values));
    }

   private:
    sql::transaction& inner_;
    watched_database& by_;
    flag is_of_it_;
  };

  aio::awaitable<result<void>> run(sql::transaction& in, sql::transaction_body body,
                                   flag is_of_it) {
    watched_transaction watched(in, *this, std::move(is_of_it));
    auto outcome = co_await body(watched);
    co_return outcome;
  }

  sql::database& inner_;
  const std::string statement_;
  std::atomic<bool> holds_{false};
  std::shared_ptr<aio::bell> released_;
};

}  // namespace throughline::engine
