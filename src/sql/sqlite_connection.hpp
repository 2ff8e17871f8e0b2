// One connection to a SQLite file: statements prepared once and kept by their text, parameters
// bound by name, failures typed. Used by the threads of sqlite_database and, before they start, by
// the migrations. One thread at a time. A sync that the disk refuses ends the process with
// status 1.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/database.hpp"

namespace throughline::sql {

/// A statement_failed that remembers SQLite's extended result code.
class sqlite_failed : public statement_failed {
 public:
  sqlite_failed(int code, cause why, error what)
      : statement_failed(why, std::move(what)), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }
  /// The disk refused to read, write or sync. Running out of space is not meant.
  [[nodiscard]] bool is_io_error() const noexcept {
    return (code_ & 0xFF) == SQLITE_IOERR && why() != cause::storage_full;
  }
  /// Another program held the database for longer than this one waits.
  [[nodiscard]] bool is_busy() const noexcept { return (code_ & 0xFF) == SQLITE_BUSY; }

 private:
  int code_;
};

class sqlite_connection {
 public:
  enum class use : std::uint8_t { read, write };

  /// Opens an existing file (an empty one will do). Touches nothing in it: configure() follows.
  /// Throws sqlite_failed.
  sqlite_connection(const std::filesystem::path& file, use what_for);
  sqlite_connection(const sqlite_connection&) = delete;
  sqlite_connection& operator=(const sqlite_connection&) = delete;

  /// Sets what all statements rely on: WAL, full durability, foreign keys; a `read` connection can
  /// not write from now on. Throws sqlite_failed.
  void configure();

  /// Runs one statement to its end. Throws sqlite_failed. SQLite may have ended the whole
  /// transaction then: in_transaction().
  rows execute(std::string_view text, const parameters& values = {});
  /// The lines of "EXPLAIN QUERY PLAN", parameters being NULL. Throws sqlite_failed.
  std::vector<std::string> explain(std::string_view text);

  /// Rows inserted, changed and deleted so far, also those that were rolled back.
  [[nodiscard]] std::int64_t total_changes() const noexcept {
    return sqlite3_total_changes64(db_.get());
  }
  [[nodiscard]] bool in_transaction() const noexcept { return !sqlite3_get_autocommit(db_.get()); }
  /// Ends a transaction that is still open, and forgets what it did.
  void roll_back_if_open();

  /// Copies the WAL into the database when it has grown enough; outside of transactions. What fails
  /// here has been committed already and is tried again after a later commit; the log says when
  /// that begins, changes and ends.
  void checkpoint_if_due();
  /// Copies all of the WAL and empties it, if no other connection reads.
  void checkpoint_all();

 private:
  struct close_database {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  struct finalize_statement {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  using statement_handle = std::unique_ptr<sqlite3_stmt, finalize_statement>;
  struct prepared {
    std::string text;  // as the caller wrote it
    statement_handle handle;
    std::vector<int> places;  // [n-1]: SQLite's number of `$n`; 0: the text does not have it
  };

  static void now_ms(sqlite3_context* context, int count, sqlite3_value** values);
  statement_handle prepare_text(std::string_view text);
  prepared& prepare(std::string_view text);
  void find_places(prepared& statement);
  void bind(const prepared& statement, const parameters& values);
  row read_row(const prepared& statement);
  [[nodiscard]] sqlite_failed failure(int code, std::string_view text) const;

  void take_checkpoint_outcome(int code);

  const use what_for_;
  std::unique_ptr<sqlite3, close_database> db_;
  std::optional<std::int64_t> statement_time_;  // now_ms() of the statement that runs
  int wal_pages_ = 0;
  int truncate_at_pages_ = 0;
  int checkpoint_fault_ = 0;  // how the last checkpoint failed; 0: it did not
  // The most recently used first. Bounded: a text that is built anew each time costs time, not
  // memory.
  std::list<prepared> statements_;
  std::unordered_map<std::string_view, std::list<prepared>::iterator> by_text_;
};

}  // namespace throughline::sql
