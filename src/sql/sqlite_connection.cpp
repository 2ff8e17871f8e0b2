#include "sql/sqlite_connection.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "sql/dialect.hpp"

namespace throughline::sql {
namespace {

constexpr std::size_t statements_max = 512;
constexpr int busy_timeout_ms = 5'000;
// 4 KiB pages: copied at 4 MiB; at 64 MiB, which takes readers that never pause, the writer waits
// for them for a moment.
constexpr int checkpoint_pages = 1'000;
constexpr int truncate_pages = 16'000;
constexpr int truncate_wait_ms = 100;

/// Also closes what a RETURNING or a SELECT left open when it failed half-way.
struct reset_at_exit {
  sqlite3_stmt* statement;
  explicit reset_at_exit(sqlite3_stmt* which) : statement(which) {}
  ~reset_at_exit() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
  reset_at_exit(const reset_at_exit&) = delete;
  reset_at_exit& operator=(const reset_at_exit&) = delete;
};

bool is_out_of_space(int code, int system_errno) {
  const int primary = code & 0xFF;
  if (primary == SQLITE_FULL) return true;
  return primary == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT);
}

statement_failed::cause cause_of(int code, int system_errno) {
  using enum statement_failed::cause;
  if (is_out_of_space(code, system_errno)) return storage_full;
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return unique_violation;
    case SQLITE_INTERRUPT:
      return interrupted;
    default:
      return other;
  }
}

errc errc_of(int code, statement_failed::cause why) {
  if (why == statement_failed::cause::storage_full) return errc::storage_full;
  if (why == statement_failed::cause::unique_violation) return errc::conflict;
  switch (code & 0xFF) {
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
      return errc::internal;
    default:
      return errc::storage_failed;
  }
}

/// When a sync has failed, the kernel may have dropped what it could not write and call the next
/// sync a success. Nothing that is committed from here on could be trusted, and trying again would
/// hide that: so the process ends. The next one reads what the disk really has.
void end_if_sync_failed(int code, int system_errno) {
  if (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC) return;
  log::error(
      "the disk refused to sync the database; this process ends, because what it wrote may be "
      "lost. Check the disk, then start again: what was answered before is kept",
      {{"why", std::generic_category().message(system_errno)}});
  log::flush(std::chrono::milliseconds(500));
  std::_Exit(1);
}

sqlite_failed misused(std::string_view what, std::string_view text) {
  return {SQLITE_MISUSE, statement_failed::cause::other,
          fail(errc::internal, fmt::format("{}: {:.200}", what, text))};
}

}  // namespace

sqlite_connection::sqlite_connection(const std::filesystem::path& file, use what_for)
    : what_for_(what_for), truncate_at_pages_(truncate_pages) {
  // Statistics that nobody reads would put every allocation behind one mutex of the process.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  db_.reset(opened);
  THROUGHLINE_ASSERT(opened != nullptr);
  if (code != SQLITE_OK) throw failure(code, "open");
  sqlite3_busy_timeout(opened, busy_timeout_ms);
  // "name" in double quotes is a name and never a text, as in PostgreSQL.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  // Deterministic within a statement, which is all that SQLite makes of it: it may be evaluated
  // once, outside of loops.
  sqlite3_create_function_v2(opened, "now_ms", 0,
                             SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, this,
                             &sqlite_connection::now_ms, nullptr, nullptr, nullptr);
}

void sqlite_connection::configure() {
  const auto mode = execute("PRAGMA journal_mode=WAL");
  if (mode.empty() || mode[0].at(0).text() != "wal") {
    throw sqlite_failed(SQLITE_CANTOPEN, statement_failed::cause::other,
                        fail(errc::storage_failed, "its file system does not support WAL"));
  }
  execute("PRAGMA synchronous=FULL");
  execute("PRAGMA foreign_keys=ON");
  execute("PRAGMA temp_store=MEMORY");
  execute("PRAGMA mmap_size=0");
  execute("PRAGMA cache_size=-16000");
  execute("PRAGMA journal_size_limit=67108864");
  if (what_for_ == use::read) {
    execute("PRAGMA query_only=ON");
    return;
  }
  // The hook takes the place of automatic checkpoints, which would run inside of COMMIT while
  // callers wait for it.
  sqlite3_wal_hook(
      db_.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<sqlite_connection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

void sqlite_connection::now_ms(sqlite3_context* context, int, sqlite3_value**) {
  auto& self = *static_cast<sqlite_connection*>(sqlite3_user_data(context));
  if (!self.statement_time_) self.statement_time_ = to_unix_ms(system_clock().wall_now());
  sqlite3_result_int64(context, *self.statement_time_);
}

sqlite_failed sqlite_connection::failure(int code, std::string_view text) const {
  const int system_errno = sqlite3_system_errno(db_.get());
  end_if_sync_failed(code, system_errno);
  const auto why = cause_of(code, system_errno);
  const auto kind = errc_of(code, why);
  std::string detail = sqlite3_errmsg(db_.get());
  const int primary = code & 0xFF;
  if (system_errno != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)) {
    detail += fmt::format(" ({})", std::generic_category().message(system_errno));
  }
  // Statement texts are the program's own and hold no data; they help only where the program is
  // wrong.
  if (kind == errc::internal) detail += fmt::format(": {:.200}", text);
  return {code, why, fail(kind, std::move(detail))};
}

sqlite_connection::statement_handle sqlite_connection::prepare_text(std::string_view text) {
  const auto own = to_sqlite(text);
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), own.c_str(), static_cast<int>(own.size() + 1),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  statement_handle handle(raw);
  if (code != SQLITE_OK) throw failure(code, text);
  if (!handle) throw misused("there is no statement in this text", text);
  // After the statement only blanks and comments may follow, which prepare to nothing.
  sqlite3_stmt* second = nullptr;
  const int rest = sqlite3_prepare_v2(db_.get(), tail, -1, &second, nullptr);
  const statement_handle close_second(second);
  if (rest != SQLITE_OK || second != nullptr) {
    throw misused("there is more than one statement in this text", text);
  }
  return handle;
}

sqlite_connection::prepared& sqlite_connection::prepare(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    statements_.splice(statements_.begin(), statements_, found->second);
    return *found->second;
  }
  prepared fresh{std::string(text), prepare_text(text), {}};
  find_places(fresh);
  if (statements_.size() >= statements_max) {
    by_text_.erase(statements_.back().text);
    statements_.pop_back();
  }
  statements_.push_front(std::move(fresh));
  by_text_.emplace(statements_.front().text, statements_.begin());
  return statements_.front();
}

void sqlite_connection::find_places(prepared& statement) {
  // SQLite takes `$1` for a name and numbers names by their first appearance.
  const int count = sqlite3_bind_parameter_count(statement.handle.get());
  for (int place = 1; place <= count; ++place) {
    const char* raw_name = sqlite3_bind_parameter_name(statement.handle.get(), place);
    const std::string_view name = raw_name == nullptr ? "?" : raw_name;
    std::size_t number = 0;
    const auto [end, ec] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (!name.starts_with('$') || ec != std::errc() || end != name.data() + name.size() ||
        number < 1 || number > 1'000) {
      throw misused(fmt::format("parameters are named $1 to $1000, not {}", name), statement.text);
    }
    if (statement.places.size() < number) statement.places.resize(number, 0);
    statement.places[number - 1] = place;
  }
}

void sqlite_connection::bind(const prepared& statement, const parameters& values) {
  if (values.size() != statement.places.size()) {
    throw misused(fmt::format("the statement has {} parameters, {} were given",
                              statement.places.size(), values.size()),
                  statement.text);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int place = statement.places[i];
    if (place == 0 || values[i].is_null()) continue;  // unbound is NULL
    // The text is not copied: the parameters live until the statement is reset.
    const int code =
        values[i].is_integer()
            ? sqlite3_bind_int64(statement.handle.get(), place, values[i].integer())
            : sqlite3_bind_text64(statement.handle.get(), place, values[i].text().data(),
                                  values[i].text().size(), SQLITE_STATIC, SQLITE_UTF8);
    if (code != SQLITE_OK) throw failure(code, statement.text);
  }
}

row sqlite_connection::read_row(const prepared& statement) {
  sqlite3_stmt* handle = statement.handle.get();
  const int columns = sqlite3_column_count(handle);
  row out;
  out.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    switch (sqlite3_column_type(handle, i)) {
      case SQLITE_NULL:
        out.emplace_back();
        break;
      case SQLITE_INTEGER:
        out.emplace_back(std::int64_t{sqlite3_column_int64(handle, i)});
        break;
      case SQLITE_TEXT: {
        const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle, i));
        if (bytes == nullptr) throw failure(SQLITE_NOMEM, statement.text);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle, i));
        out.emplace_back(std::string(bytes, size));
        break;
      }
      default:
        throw misused("a column is neither an integer nor text", statement.text);
    }
  }
  return out;
}

rows sqlite_connection::execute(std::string_view text, const parameters& values) {
  const prepared& statement = prepare(text);
  const reset_at_exit reset(statement.handle.get());
  bind(statement, values);
  statement_time_.reset();
  const auto changes_before = sqlite3_total_changes64(db_.get());
  rows out;
  while (true) {
    const int code = sqlite3_step(statement.handle.get());
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) throw failure(code, text);
    out.all.push_back(read_row(statement));
  }
  // The count of the last statement that changes rows stays until the next one: a SELECT has none
  // of its own.
  if (sqlite3_total_changes64(db_.get()) != changes_before) {
    out.changed = sqlite3_changes64(db_.get());
  }
  return out;
}

std::vector<std::string> sqlite_connection::explain(std::string_view text) {
  const auto explained = fmt::format("EXPLAIN QUERY PLAN {}", text);
  const prepared& statement = prepare(explained);
  const parameters nulls(statement.places.size());
  std::vector<std::string> lines;
  for (const auto& line : execute(explained, nulls)) lines.push_back(line.at(3).text());
  return lines;
}

void sqlite_connection::roll_back_if_open() {
  if (in_transaction()) execute("ROLLBACK");
}

void sqlite_connection::checkpoint_if_due() {
  if (wal_pages_ < checkpoint_pages) return;
  const int pages = std::exchange(wal_pages_, 0);
  const bool truncate = pages >= truncate_at_pages_;
  if (truncate) sqlite3_busy_timeout(db_.get(), truncate_wait_ms);
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, mode, nullptr, nullptr);
  take_checkpoint_outcome(code);
  if (!truncate) return;
  sqlite3_busy_timeout(db_.get(), busy_timeout_ms);
  // While a reader holds on to it, the next try waits for the WAL to have grown again.
  truncate_at_pages_ = code == SQLITE_OK ? truncate_pages : pages + truncate_pages / 4;
}

void sqlite_connection::checkpoint_all() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  take_checkpoint_outcome(code);
}

void sqlite_connection::take_checkpoint_outcome(int code) {
  end_if_sync_failed(code, sqlite3_system_errno(db_.get()));
  // A reader holds on to the WAL: nothing is wrong.
  if ((code & 0xFF) == SQLITE_BUSY) return;
  const int before = std::exchange(checkpoint_fault_, code);
  if (code == before) return;
  if (code == SQLITE_OK) {
    log::info("what was committed moves into the main file of the database again");
  } else {
    log::warning(
        "what was committed cannot move into the main file of the database; it stays in the -wal "
        "file, which grows",
        {{"why", failure(code, "checkpoint").failure().detail}});
  }
}

}  // namespace throughline::sql
