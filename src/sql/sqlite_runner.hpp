// Runs transactions on a thread that may block: the writer's, which commits many at once, and the
// readers'. Used by sqlite_database, one runner per thread.
//
//   group: BEGIN IMMEDIATE  (SAVEPOINT  body  RELEASE | ROLLBACK TO, RELEASE)...  COMMIT  answers
//
// When the group as a whole is lost (SQLite rolled it back inside of a body, or COMMIT failed),
// each of its transactions is run again alone, so that the one that cannot succeed fails by itself.
// Only when the disk refuses the commit, or another program holds the database, all are told: each
// alone would wait as long as all together have waited.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "sql/sqlite_connection.hpp"
#include "sql/transaction_queue.hpp"

namespace throughline::sql {

class sqlite_runner {
 public:
  /// `connection` outlives this.
  explicit sqlite_runner(sqlite_connection& connection) : connection_(connection) {}

  /// Commits all that succeed and answers each. Any thread, but always the same.
  void write(std::vector<waiting_transaction> group);
  /// Runs one against a snapshot and answers it.
  void read(waiting_transaction one);

  [[nodiscard]] std::uint64_t commits() const noexcept {
    return commits_.load(std::memory_order_relaxed);
  }

 private:
  /// Nothing: the group is lost and rolled back; nothing of it was committed.
  std::optional<std::vector<result<void>>> write_together(std::vector<waiting_transaction>& group);
  result<void> run_in_savepoint(transaction_body& body);
  result<void> write_alone(transaction_body& body);
  result<void> run(transaction_body& body);
  void commit(std::size_t transactions);

  sqlite_connection& connection_;
  boost::asio::io_context context_{1};
  std::atomic<std::uint64_t> commits_{0};
};

}  // namespace throughline::sql
