#include "sql/postgres_connection.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/metrics.hpp"
#include "sql/dialect.hpp"
#include "sql/postgres_rows.hpp"

namespace throughline::sql {
namespace {

constexpr std::size_t statements_max = 512;
constexpr int server_version_min = 140'000;
// Between two answers libpq may say "that was all" more than once.
constexpr int silences_max = 8;

metrics::histogram& statement_times = metrics::find_histogram(metrics::statement_time);

// One plan for all values: planning anew costs more than most of our statements. JIT never pays for
// itself here, and its cost model does not know that.
constexpr std::string_view begin_session_text =
    "SELECT set_config('search_path', $1, false), set_config('statement_timeout', $2, false), "
    "set_config('idle_in_transaction_session_timeout', $3, false), "
    "set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false), "
    "set_config('standard_conforming_strings', 'on', false)";

void complete(postgres_address& to) {
  to.set("client_encoding", "UTF8");
  to.set_if_missing("fallback_application_name", "throughline");
  // Looking for Kerberos tickets would block, and cost a round trip.
  to.set_if_missing("gssencmode", "disable");
  // Not a standby, nor the old server after a fail-over.
  to.set_if_missing("target_session_attrs", "read-write");
  to.set_if_missing("keepalives", "1");
  to.set_if_missing("keepalives_idle", "10");
  to.set_if_missing("keepalives_interval", "5");
  to.set_if_missing("keepalives_count", "3");
  to.set_if_missing("tcp_user_timeout", "20000");
}

void require_usable_server(const PGconn* connection, const postgres_address& to) {
  const auto refuse = [](std::string why) {
    throw postgres_failed("0A000", statement_failed::cause::other,
                          fail(errc::storage_failed, std::move(why)));
  };
  const int version = PQserverVersion(connection);
  if (version < server_version_min) {
    refuse(fmt::format("the server at {} is PostgreSQL {}; version 14 or later is needed",
                       to.shown(), version / 10'000));
  }
  const char* encoding = PQparameterStatus(connection, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    refuse(
        fmt::format("the database \"{}\" on {} is not in UTF-8; use one that was created with: "
                    "createdb -E UTF8 -T template0",
                    to.database, to.shown()));
  }
}

}  // namespace

struct postgres_connection::answers {
  std::optional<postgres_failed> failure;  // the first
  rows last;
};

aio::awaitable<std::unique_ptr<postgres_connection>> postgres_connection::open(
    aio::executor on, postgres_address to, postgres_session session, steady_time deadline) {
  complete(to);
  auto out = std::make_unique<postgres_connection>(on);
  co_await out->link_.connect(to, deadline);
  require_usable_server(out->link_.raw(), to);
  std::optional<postgres_failed> failure;
  try {
    co_await out->begin_session(std::move(session), deadline);
  } catch (const postgres_failed& failed) {
    failure = failed;
  }
  if (!failure) co_return out;
  if (!failure->state().empty()) throw *std::move(failure);
  throw connect_failure(failure->failure().detail, false, to);
}

aio::awaitable<> postgres_connection::begin_session(postgres_session session,
                                                    steady_time deadline) {
  added_.push_back({std::string(begin_session_text),
                    {session.search_path, std::to_string(session.statement_timeout.count()),
                     std::to_string(session.idle_timeout.count())},
                    false});
  [[maybe_unused]] const auto set = co_await run_batch(deadline);
}

void postgres_connection::add(std::string_view text, parameters values) {
  added_.push_back({std::string(text), std::move(values), true});
}

void postgres_connection::add_once(std::string_view text) {
  added_.push_back({std::string(text), {}, false});
}

aio::awaitable<rows> postgres_connection::execute(std::string_view text, parameters values,
                                                  steady_time deadline) {
  add(text, std::move(values));
  return run_batch(deadline);
}

aio::awaitable<rows> postgres_connection::execute_once(std::string_view text,
                                                       steady_time deadline) {
  add_once(text);
  return run_batch(deadline);
}

void postgres_connection::send_and_forget(std::string_view text) {
  forget_added();
  if (is_lost_) return;
  try {
    add(text);
    send_batch();
    sent_.clear();
    ++forgotten_;
    if (PQflush(link_.raw()) < 0) is_lost_ = true;
  } catch (const postgres_failed&) {
    is_lost_ = true;
  }
}

bool postgres_connection::is_still_open() noexcept {
  if (is_lost_) return false;
  if (PQconsumeInput(link_.raw()) != 1 || PQstatus(link_.raw()) != CONNECTION_OK) is_lost_ = true;
  return !is_lost_;
}

// --- sending -------------------------------------------------------------------------------------

void postgres_connection::check_sent(int accepted) {
  if (accepted != 1) throw lost();
}

const std::string& postgres_connection::prepare(const std::string& text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    statements_.splice(statements_.begin(), statements_, found->second);
    return found->second->name;
  }
  if (statements_.size() >= statements_max) {
    const auto close = fmt::format("DEALLOCATE {}", statements_.back().name);
    check_sent(
        PQsendQueryParams(link_.raw(), close.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
    sent_.push_back({command::kind::closing, close});
    by_text_.erase(statements_.back().text);
    statements_.pop_back();
  }
  statements_.push_front({text, fmt::format("s{}", next_name_++)});
  by_text_.emplace(statements_.front().text, statements_.begin());
  const auto own = to_postgres(text);
  check_sent(PQsendPrepare(link_.raw(), statements_.front().name.c_str(), own.c_str(), 0, nullptr));
  sent_.push_back({command::kind::preparing, text});
  return statements_.front().name;
}

void postgres_connection::forget_prepared(const std::string& text) {
  const auto found = by_text_.find(text);
  if (found == by_text_.end()) return;
  const auto at = found->second;
  by_text_.erase(found);
  statements_.erase(at);
}

void postgres_connection::send(const added_statement& one) {
  const sent_parameters values(one.values, one.text);
  if (one.is_kept) {
    const auto& name = prepare(one.text);
    check_sent(PQsendQueryPrepared(link_.raw(), name.c_str(), values.size(), values.data(), nullptr,
                                   nullptr, 0));
  } else {
    const auto own = to_postgres(one.text);
    check_sent(PQsendQueryParams(link_.raw(), own.c_str(), values.size(), nullptr, values.data(),
                                 nullptr, nullptr, 0));
  }
  sent_.push_back({command::kind::executing, one.text});
}

void postgres_connection::send_batch() {
  for (const auto& one : added_) send(one);
  added_.clear();
  check_sent(PQpipelineSync(link_.raw()));
  ++round_trips_;
}

aio::awaitable<> postgres_connection::flush() {
  int left = PQflush(link_.raw());
  while (left == 1) {
    co_await link_.writable();
    // The server may wait for us to read before it reads on.
    if (PQconsumeInput(link_.raw()) != 1) throw lost();
    left = PQflush(link_.raw());
  }
  if (left != 0) throw lost();
}

// --- receiving -----------------------------------------------------------------------------------

postgres_failed postgres_connection::lost() {
  is_lost_ = true;
  std::string_view why = PQerrorMessage(link_.raw());
  why = why.substr(0, why.find('\n'));
  return connection_lost(why.empty()
                             ? "the connection to the database broke"
                             : fmt::format("the connection to the database broke: {}", why));
}

aio::awaitable<postgres_connection::result_handle> postgres_connection::next_result() {
  while (PQisBusy(link_.raw()) != 0) {
    co_await link_.readable();
    if (PQconsumeInput(link_.raw()) != 1) throw lost();
  }
  result_handle out(PQgetResult(link_.raw()));
  if (!out && PQstatus(link_.raw()) != CONNECTION_OK) throw lost();
  co_return out;
}

aio::awaitable<> postgres_connection::skip_forgotten() {
  int silences = 0;
  while (forgotten_ > 0) {
    const auto one = co_await next_result();
    if (!one) {
      if (++silences > silences_max) throw lost();
      continue;
    }
    silences = 0;
    if (PQresultStatus(one.get()) == PGRES_PIPELINE_SYNC) --forgotten_;
  }
}

void postgres_connection::take(answers& into, const PGresult* one, const command& of) {
  const auto status = PQresultStatus(one);
  const bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (is_good) {
    if (of.what == command::kind::executing) into.last = rows_of(one);
    return;
  }
  if (of.what == command::kind::preparing) forget_prepared(of.text);
  if (status == PGRES_PIPELINE_ABORTED || into.failure) return;
  const char* state = PQresultErrorField(one, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(one, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) {
    into.failure = lost();
    return;
  }
  into.failure = server_failure(state, message == nullptr ? "" : message, of.text);
  if (into.failure->is_connection_lost()) is_lost_ = true;
}

aio::awaitable<rows> postgres_connection::read_batch() {
  answers found;
  int silences = 0;
  while (true) {
    result_handle one;
    try {
      one = co_await next_result();
    } catch (const postgres_failed&) {
      // What the server said before it went says more.
      if (found.failure) throw *found.failure;
      throw;
    }
    if (!one) {
      if (++silences > silences_max) throw lost();
      if (!sent_.empty()) sent_.pop_front();
      continue;
    }
    silences = 0;
    if (PQresultStatus(one.get()) == PGRES_PIPELINE_SYNC) break;
    if (sent_.empty()) {
      // Behind the answer to the last command libpq may still say that the connection has ended.
      is_lost_ = true;
      throw found.failure ? *found.failure : lost();
    }
    take(found, one.get(), sent_.front());
  }
  sent_.clear();
  if (found.failure) throw *std::move(found.failure);
  co_return std::move(found.last);
}

aio::awaitable<rows> postgres_connection::run_batch(steady_time deadline) {
  const auto began = std::chrono::steady_clock::now();
  link_.set_deadline(deadline);
  // Whatever interrupts this leaves answers behind that nobody reads.
  const bool was_lost = std::exchange(is_lost_, true);
  if (was_lost) throw connection_lost("the connection to the database is broken");
  send_batch();
  co_await flush();
  co_await skip_forgotten();
  std::optional<postgres_failed> failure;
  rows out;
  is_lost_ = false;
  try {
    out = co_await read_batch();
  } catch (const postgres_failed& failed) {
    failure = failed;
  } catch (...) {
    is_lost_ = true;
    throw;
  }
  link_.clear_deadline();
  statement_times.observe(std::chrono::steady_clock::now() - began);
  if (failure) {
    if (failure->is_connection_lost()) is_lost_ = true;
    throw *std::move(failure);
  }
  co_return out;
}

}  // namespace throughline::sql
