// SQLite behind sql/database.hpp: WAL, synchronous=FULL, one writer thread that commits all waiting
// transactions as one group (each in a savepoint of its own; answers only after COMMIT), and reader
// threads with connections of their own. When a group is lost its transactions run again one by
// one, so that only the one that cannot succeed fails; a commit that the disk refuses (an I/O
// error, not a lack of space) fails them all. Files are 0600, directories it creates 0700, and one
// process at a time may have the file.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "sql/database.hpp"
#include "sql/migrations.hpp"

namespace throughline::sql {

struct sqlite_options {
  std::filesystem::path file;  // created with its directory if missing
  std::size_t readers = 2;     // reader threads
  // Transactions that may wait for the writer, and as many for the readers; more are `overloaded`.
  std::size_t waiting_max = 20'000;
  std::size_t group_max = 512;  // transactions in one commit
};

/// Transactions begin on an event loop, and the loops outlive this: answers ring them. A commit
/// that ended as `storage_failed` was not made; only if the process dies before the next one
/// succeeds may it turn out to have reached the disk after all.
class sqlite_database : public database {
 public:
  /// Runs "EXPLAIN QUERY PLAN" for a statement and returns its lines; for a statement that is wrong
  /// one line that says why. Blocks: for tests and diagnostics. Any thread.
  [[nodiscard]] virtual std::vector<std::string> explain(std::string_view text) = 0;
  /// Commits so far, for metrics and benchmarks.
  [[nodiscard]] virtual std::uint64_t commits() const = 0;
};

/// Opens the file, takes its lock, and applies the migrations it lacks. Blocks: call it at start,
/// not on a loop. Errors, each a sentence that names the file and the mend: in use by another
/// process (and which), not writable, not a database, newer than this binary. The destructor
/// finishes what waits and checkpoints the WAL.
[[nodiscard]] result<std::unique_ptr<sqlite_database>> open_sqlite_database(
    const sqlite_options& options, std::span<const migration> migrations);

}  // namespace throughline::sql
