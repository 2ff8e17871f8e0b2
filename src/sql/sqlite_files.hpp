// The files of a SQLite database before SQLite sees them: who may have them, who may read them, and
// what is wrong with them in plain words. Used by open_sqlite_database.
#pragma once

#include <filesystem>
#include <utility>

#include "base/error.hpp"

namespace throughline::sql {

/// Holds FILE.lock, and with it the database, for as long as it lives. The lock dies with the
/// process: a file that was left behind means nothing.
class database_lock {
 public:
  /// Refused, with the other process's number, if another process or another part of this one holds
  /// it. The directory must exist.
  [[nodiscard]] static result<database_lock> take(const std::filesystem::path& database_file);

  ~database_lock();
  database_lock(database_lock&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  database_lock& operator=(database_lock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

 private:
  explicit database_lock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// Creates the directories that are missing on the way to `database_file`, 0700.
[[nodiscard]] result<void> prepare_database_directory(const std::filesystem::path& database_file);

/// Creates the file, 0600 and empty, if it is missing; an error if it cannot be written. REQUIRES:
/// its lock is held.
[[nodiscard]] result<void> prepare_database_file(const std::filesystem::path& database_file);

/// Takes the rights of others away from the file and its -wal and -shm. REQUIRES: it is known to be
/// ours.
void restrict_database_files(const std::filesystem::path& database_file);

}  // namespace throughline::sql
