// One small interface over SQLite and PostgreSQL. A transaction is a coroutine that executes
// statements; the driver decides where it runs (SQLite: on the one writer thread, many transactions
// to a commit; PostgreSQL: on the caller's loop over a pooled connection). Nothing here ever blocks
// an event loop.
//
// Statement text is the same for both: `$1` placeholders, bigint milliseconds, `now_ms()`, JSON as
// text, `json_each(text)`;
// `@lock` at the end of a sub-select takes its rows for this transaction and leaves out those that
// others have taken; `@share` leaves out those that others change and keeps everybody from changing
// the rest.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "aio/asio.hpp"
#include "base/error.hpp"
#include "base/id.hpp"

namespace throughline::sql {

using null = std::monostate;

/// A parameter or a cell.
class value {
 public:
  value() = default;  // NULL
  value(std::nullptr_t) {}
  value(std::int64_t number) : held_(number) {}
  value(int number) : held_(std::int64_t{number}) {}
  value(std::uint32_t number) : held_(std::int64_t{number}) {}
  value(bool flag) : held_(std::int64_t{flag ? 1 : 0}) {}
  value(std::string text) : held_(std::move(text)) {}
  value(std::string_view text) : held_(std::string(text)) {}
  value(const char* text) : held_(std::string(text)) {}
  value(const uuid& id) : held_(id.to_string()) {}
  template <class T>
  value(const std::optional<T>& maybe) {
    if (maybe) *this = value(*maybe);
  }

  [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<null>(held_); }
  [[nodiscard]] bool is_integer() const noexcept {
    return std::holds_alternative<std::int64_t>(held_);
  }
  /// REQUIRES: an integer. Asserted.
  [[nodiscard]] std::int64_t integer() const;
  /// REQUIRES: text. Asserted.
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] std::optional<std::int64_t> maybe_integer() const;
  [[nodiscard]] std::optional<std::string> maybe_text() const;
  /// The text as an id. REQUIRES: text of a well-formed id. Asserted.
  template <class Id>
  [[nodiscard]] Id id() const {
    return Id(parsed_uuid());
  }
  template <class Id>
  [[nodiscard]] std::optional<Id> maybe_id() const {
    if (is_null()) return std::nullopt;
    return Id(parsed_uuid());
  }

 private:
  [[nodiscard]] uuid parsed_uuid() const;
  std::variant<null, std::int64_t, std::string> held_;
};

using parameters = std::vector<value>;
using row = std::vector<value>;

/// The rows a statement returned, and how many it changed.
struct rows {
  std::vector<row> all;
  std::int64_t changed = 0;

  [[nodiscard]] bool empty() const noexcept { return all.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return all.size(); }
  [[nodiscard]] const row& operator[](std::size_t i) const { return all[i]; }
  [[nodiscard]] auto begin() const { return all.begin(); }
  [[nodiscard]] auto end() const { return all.end(); }
};

/// Thrown by transaction::execute; ends the transaction, and read()/write() return it as a value.
/// Nobody else catches it, except code that knows what a unique constraint of its own means.
class statement_failed : public std::exception {
 public:
  enum class cause : std::uint8_t { unique_violation, storage_full, interrupted, other };
  statement_failed(cause why, error what) : why_(why), what_(std::move(what)) {}
  [[nodiscard]] cause why() const noexcept { return why_; }
  [[nodiscard]] const error& failure() const noexcept { return what_; }
  [[nodiscard]] const char* what() const noexcept override { return what_.detail.c_str(); }

 private:
  cause why_;
  error what_;
};

class transaction {
 public:
  virtual ~transaction() = default;
  /// `text` is one statement; it is prepared once per connection and kept by its text, so use
  /// constants or texts that repeat.
  [[nodiscard]] virtual aio::awaitable<rows> execute(std::string_view text,
                                                     parameters values = {}) = 0;
  /// The same for a statement that changes something and whose rows nobody wants. It may be sent
  /// with the next one or with the COMMIT, and fail there: a round trip less, while locks are held.
  [[nodiscard]] virtual aio::awaitable<> execute_with_next(std::string_view text,
                                                           parameters values = {}) {
    co_await execute(text, std::move(values));
  }
};

/// A transaction's work. It awaits nothing but `execute`, touches nothing but its own captures (it
/// may run on another thread) and may be run more than once (after a deadlock, or when a commit was
/// in doubt): it must be idempotent, with ids made before. An error it returns rolls the
/// transaction back.
using transaction_body = std::function<aio::awaitable<result<void>>(transaction&)>;

class database {
 public:
  virtual ~database() = default;

  /// Runs `body` in a transaction and returns after COMMIT is durable. Errors: what `body`
  /// returned; `storage_full`, `storage_failed`, `overloaded` (the bounded queue of waiting
  /// transactions is full); in each case nothing was changed.
  [[nodiscard]] virtual aio::awaitable<result<void>> write_transaction(transaction_body body) = 0;
  /// The same for those that would wait for each other anyway, because they begin by locking the
  /// same row: those of one `group` that wait may share one transaction, one after the other. Where
  /// one of them fails they all run again, each by itself. Empty: none.
  [[nodiscard]] virtual aio::awaitable<result<void>> write_in_group(transaction_body body,
                                                                    std::string /*group*/) {
    return write_transaction(std::move(body));
  }
  /// Runs `body` against one consistent snapshot.
  [[nodiscard]] virtual aio::awaitable<result<void>> read_transaction(transaction_body body) = 0;

  /// How the storage refused the last write (`storage_full`, `storage_failed`); nullopt once
  /// something could be written again. Any thread.
  [[nodiscard]] virtual std::optional<errc> write_trouble() const { return std::nullopt; }
  /// Writes something that changes nothing, to see whether that is possible.
  [[nodiscard]] virtual aio::awaitable<result<void>> try_writing() { co_return result<void>(); }

  /// `body`: (transaction&) -> awaitable<result<T>>, a callable without references to what may die
  /// before it has run.
  template <class T, class Body>
  [[nodiscard]] aio::awaitable<result<T>> write(Body body, std::string group = {}) {
    auto out = std::make_shared<std::optional<T>>();
    transaction_body erased = keep_value<T>(std::move(body), out);
    const auto done = co_await write_in_group(std::move(erased), std::move(group));
    if (!done) co_return done.error();
    co_return std::move(**out);
  }
  template <class T, class Body>
  [[nodiscard]] aio::awaitable<result<T>> read(Body body) {
    auto out = std::make_shared<std::optional<T>>();
    transaction_body erased = keep_value<T>(std::move(body), out);
    const auto done = co_await read_transaction(std::move(erased));
    if (!done) co_return done.error();
    co_return std::move(**out);
  }

 private:
  template <class T, class Body>
  static transaction_body keep_value(Body body, std::shared_ptr<std::optional<T>> out) {
    auto shared = std::make_shared<Body>(std::move(body));
    return [shared, out](transaction& in) {
      return run_body<T, Body>(in, shared, out);
    };
  }
  template <class T, class Body>
  static aio::awaitable<result<void>> run_body(transaction& in, std::shared_ptr<Body> body,
                                               std::shared_ptr<std::optional<T>> out) {
    auto value = co_await (*body)(in);
    if (!value) co_return value.error();
    out->emplace(std::move(*value));
    co_return result<void>();
  }
};

}  // namespace throughline::sql
