#include "sql/sqlite_database.hpp"

#include <pthread.h>

#include <fmt/format.h>

#include <thread>

#include "base/assert.hpp"
#include "sql/sqlite_connection.hpp"
#include "sql/sqlite_files.hpp"
#include "sql/sqlite_runner.hpp"
#include "sql/sqlite_schema.hpp"
#include "sql/transaction_queue.hpp"

namespace throughline::sql {
namespace {

namespace fs = std::filesystem;

/// A connection and the thread that uses it.
struct sqlite_thread {
  explicit sqlite_thread(std::unique_ptr<sqlite_connection> opened)
      : connection(std::move(opened)), runner(*connection) {}

  std::unique_ptr<sqlite_connection> connection;
  sqlite_runner runner;
  std::thread thread;
};

class threaded_sqlite_database final : public sqlite_database {
 public:
  threaded_sqlite_database(const sqlite_options& options, fs::path file, database_lock lock,
                           std::unique_ptr<sqlite_connection> for_writing,
                           std::vector<std::unique_ptr<sqlite_connection>> for_reading)
      : lock_(std::move(lock)),
        file_(std::move(file)),
        writes_(options.waiting_max, "write"),
        reads_(options.waiting_max, "read"),
        writer_(std::move(for_writing)) {
    for (auto& connection : for_reading) {
      readers_.push_back(std::make_unique<sqlite_thread>(std::move(connection)));
    }
    start(options.group_max);
  }

  ~threaded_sqlite_database() override {
    reads_.close();
    for (auto& reader : readers_) reader->thread.join();
    readers_.clear();
    writes_.close();
    writer_.thread.join();
    writer_.connection->checkpoint_all();
  }

  aio::awaitable<result<void>> write_transaction(transaction_body body) override {
    return writes_.run(std::move(body));
  }
  aio::awaitable<result<void>> read_transaction(transaction_body body) override {
    return reads_.run(std::move(body));
  }

  std::vector<std::string> explain(std::string_view text) override {
    try {
      sqlite_connection connection(file_, sqlite_connection::use::read);
      connection.configure();
      return connection.explain(text);
    } catch (const sqlite_failed& failed) {
      return {failed.failure().detail};
    }
  }
  std::uint64_t commits() const override { return writer_.runner.commits(); }

 private:
  void start(std::size_t group_max) {
    writer_.thread = std::thread([this, group_max] {
      for (auto group = writes_.take(group_max); !group.empty(); group = writes_.take(group_max)) {
        writer_.runner.write(std::move(group));
        writer_.connection->checkpoint_if_due();
      }
    });
    pthread_setname_np(writer_.thread.native_handle(), "sqlite/write");
    for (auto& reader : readers_) {
      reader->thread = std::thread([this, self = reader.get()] {
        for (auto one = reads_.take(1); !one.empty(); one = reads_.take(1)) {
          self->runner.read(std::move(one.front()));
        }
      });
      pthread_setname_np(reader->thread.native_handle(), "sqlite/read");
    }
  }

  database_lock lock_;  // goes last: the next process opens what this one has closed
  const fs::path file_;
  transaction_queue writes_;
  transaction_queue reads_;
  sqlite_thread writer_;
  std::vector<std::unique_ptr<sqlite_thread>> readers_;
};

error cannot_open(const fs::path& file, const sqlite_failed& failed) {
  const auto primary = failed.code() & 0xFF;
  if (primary == SQLITE_NOTADB) {
    return fail(errc::storage_failed,
                fmt::format("{} is not a SQLite database; move it away, or use another --data-dir",
                            file.string()));
  }
  if (primary == SQLITE_CORRUPT) {
    return fail(errc::storage_failed,
                fmt::format("{} is damaged ({}); restore it from a backup, or use another "
                            "--data-dir",
                            file.string(), failed.failure().detail));
  }
  if (primary == SQLITE_BUSY) {
    return fail(errc::storage_failed,
                fmt::format("{} is locked by another program; close it", file.string()));
  }
  return fail(failed.failure().code,
              fmt::format("{} cannot be opened: {}", file.string(), failed.failure().detail));
}

result<std::unique_ptr<sqlite_database>> open_locked(const sqlite_options& options,
                                                     const fs::path& file, database_lock lock,
                                                     std::span<const migration> migrations) {
  auto writer = std::make_unique<sqlite_connection>(file, sqlite_connection::use::write);
  if (auto checked = check_schema(*writer, file, migrations); !checked) return checked.error();
  restrict_database_files(file);
  writer->configure();
  if (auto applied = apply_migrations(*writer, file, migrations); !applied) return applied.error();
  std::vector<std::unique_ptr<sqlite_connection>> readers;
  for (std::size_t i = 0; i < options.readers; ++i) {
    readers.push_back(std::make_unique<sqlite_connection>(file, sqlite_connection::use::read));
    readers.back()->configure();
  }
  return std::unique_ptr<sqlite_database>(std::make_unique<threaded_sqlite_database>(
      options, file, std::move(lock), std::move(writer), std::move(readers)));
}

}  // namespace

result<std::unique_ptr<sqlite_database>> open_sqlite_database(
    const sqlite_options& options, std::span<const migration> migrations) {
  THROUGHLINE_ASSERT(options.readers >= 1 && options.group_max >= 1);
  // The file itself, not a link to it: one file, one lock, and -wal beside it.
  std::error_code unresolved;
  auto file = fs::weakly_canonical(fs::absolute(options.file), unresolved);
  if (unresolved) file = fs::absolute(options.file);
  if (auto prepared = prepare_database_directory(file); !prepared) return prepared.error();
  auto lock = database_lock::take(file);
  if (!lock) return lock.error();
  if (auto prepared = prepare_database_file(file); !prepared) return prepared.error();
  try {
    return open_locked(options, file, std::move(*lock), migrations);
  } catch (const sqlite_failed& failed) {
    return cannot_open(file, failed);
  }
}

}  // namespace throughline::sql
