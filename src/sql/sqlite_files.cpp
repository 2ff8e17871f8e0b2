#include "sql/sqlite_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

namespace throughline::sql {
namespace {

namespace fs = std::filesystem;

constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

std::string words_of(int number) {
  return std::generic_category().message(number);
}

error not_writable(const fs::path& file, int number) {
  if (number == EISDIR) {
    return fail(errc::storage_failed,
                fmt::format("{} is a directory; the database must be a file", file.string()));
  }
  return fail(errc::storage_failed,
              fmt::format("{} cannot be written ({}); change its owner or permissions, or use "
                          "another --data-dir",
                          file.string(), words_of(number)));
}

/// The name of a new file outlives a power failure only when its directory has been synced.
void sync_directory(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

std::string holder_of(int lock_file) {
  std::string text(32, '\0');
  const auto count = ::pread(lock_file, text.data(), text.size(), 0);
  long number = 0;
  const auto [end, ec] =
      std::from_chars(text.data(), text.data() + std::max<ssize_t>(count, 0), number);
  if (ec != std::errc() || number <= 0) return "another process";
  return fmt::format("process {}", number);
}

bool write_own_number(int lock_file) {
  const auto text = fmt::format("{}\n", ::getpid());
  return ::ftruncate(lock_file, 0) == 0 &&
         ::pwrite(lock_file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace

result<database_lock> database_lock::take(const fs::path& database_file) {
  const fs::path lock_file = database_file.string() + ".lock";
  const int descriptor =
      ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, owner_only);
  if (descriptor < 0) return not_writable(lock_file, errno);
  database_lock lock(descriptor);
  // Of the open file, not of the process: a second database object in this process is refused as
  // well.
  struct flock whole_file{};
  whole_file.l_type = F_WRLCK;
  whole_file.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_OFD_SETLK, &whole_file) != 0) {
    const int number = errno;
    if (number == EAGAIN || number == EACCES) {
      return fail(errc::storage_failed,
                  fmt::format("{} is in use by {}; stop it, or use another --data-dir",
                              database_file.string(), holder_of(descriptor)));
    }
    return fail(errc::storage_failed,
                fmt::format("{} cannot be locked ({}); use a --data-dir on a local file system",
                            lock_file.string(), words_of(number)));
  }
  // The number is only for the message: a full disk does not keep a database from being opened.
  if (!write_own_number(descriptor)) static_cast<void>(::ftruncate(descriptor, 0));
  return lock;
}

database_lock::~database_lock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

result<void> prepare_database_directory(const fs::path& database_file) {
  fs::path directory;
  for (const auto& part : database_file.parent_path()) {
    const auto parent = directory;
    directory /= part;
    if (::mkdir(directory.c_str(), S_IRWXU) == 0) {
      sync_directory(parent);
      continue;
    }
    const int number = errno;
    std::error_code unknown;
    if (fs::is_directory(directory, unknown)) continue;
    return fail(errc::storage_failed,
                fmt::format("the directory {} cannot be created ({}); use another --data-dir",
                            directory.string(), words_of(number)));
  }
  return {};
}

result<void> prepare_database_file(const fs::path& database_file) {
  const int descriptor = ::open(database_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only);
  if (descriptor < 0) return not_writable(database_file, errno);
  struct stat status{};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  ::close(descriptor);
  if (!is_file) {
    return fail(errc::storage_failed, fmt::format("{} is not a file", database_file.string()));
  }
  if (status.st_size == 0) sync_directory(database_file.parent_path());
  return {};
}

void restrict_database_files(const fs::path& database_file) {
  // SQLite gives a new -wal and -shm the rights of the database. Of a file that belongs to somebody
  // else the rights are his.
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    ::chmod((database_file.string() + suffix).c_str(), owner_only);
  }
}

}  // namespace throughline::sql
