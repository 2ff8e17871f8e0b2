#include "sql/postgres_runner.hpp"

#include <algorithm>

#include "aio/backoff.hpp"
#include "base/fault_point.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"

namespace throughline::sql {
namespace {

using std::chrono::steady_clock;

constexpr int runs_max = 10;
constexpr aio::backoff conflict_pause{milliseconds(10), milliseconds(500)};
// The server's own deadline comes first: it leaves the connection usable.
constexpr milliseconds server_lead{1'000};

constexpr std::string_view begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr std::string_view begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr std::string_view commit_text = "COMMIT";
constexpr std::string_view roll_back_text = "ROLLBACK";

metrics::histogram& commit_times = metrics::find_histogram(metrics::commit_time);
metrics::histogram& group_sizes = metrics::find_histogram(metrics::commit_group);
metrics::counter& failures = metrics::find_counter(metrics::commit_failures);
metrics::counter& repeated_conflicts =
    metrics::find_counter(metrics::transactions_repeated, {"conflict"});
metrics::counter& repeated_lost =
    metrics::find_counter(metrics::transactions_repeated, {"connection"});
metrics::counter& repeated_in_doubt =
    metrics::find_counter(metrics::transactions_repeated, {"in_doubt"});

class postgres_transaction final : public transaction {
 public:
  postgres_transaction(postgres_connection& on, const pooled_transaction& one,
                       const postgres_limits& limits)
      : on_(on), give_up_(one.give_up), deadline_(limits.statement_deadline + server_lead) {
    on_.forget_added();
    on_.add(one.what == pooled_transaction::kind::read ? begin_read : begin_write);
  }

  aio::awaitable<rows> execute(std::string_view text, parameters values) override {
    // After a failure the server takes nothing more: a body that catches one and goes on must not
    // believe that what it does is done.
    if (failure_) throw *failure_;
    const auto now = steady_clock::now();
    try {
      if (now >= give_up_) {
        throw postgres_failed("57014", statement_failed::cause::interrupted,
                              fail(errc::overloaded, "the transaction took too long"));
      }
      has_begun_ = true;
      auto found = co_await on_.execute(text, std::move(values), now + deadline_);
      has_written_ = has_written_ || found.changed > 0;
      co_return found;
    } catch (const postgres_failed& failed) {
      failure_ = failed;
    }
    throw *failure_;
  }

  aio::awaitable<> execute_with_next(std::string_view text, parameters values) override {
    if (failure_) throw *failure_;
    has_begun_ = true;
    has_written_ = true;
    on_.add(text, std::move(values));
    co_return;
  }

  aio::awaitable<> commit(std::size_t transactions) {
    fault_point("commit.before");
    const auto began = steady_clock::now();
    co_await on_.execute(commit_text, {}, began + deadline_);
    if (has_written_) {
      commit_times.observe(steady_clock::now() - began);
      group_sizes.observe(static_cast<std::int64_t>(transactions));
    }
    fault_point("commit.after");
  }

  /// Waits for the server, so that nobody who hears of the end meets the locks.
  aio::awaitable<> roll_back() {
    if (!has_begun_ || !on_.is_usable()) co_return;
    on_.forget_added();
    try {
      co_await on_.execute(roll_back_text, {}, steady_clock::now() + deadline_);
    } catch (const postgres_failed&) {
      // The connection is lost, and the transaction with it.
    }
  }

  [[nodiscard]] const std::optional<postgres_failed>& failure() const noexcept { return failure_; }
  [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
  [[nodiscard]] bool has_written() const noexcept { return has_written_; }

 private:
  postgres_connection& on_;
  const steady_time give_up_;
  const milliseconds deadline_;
  std::optional<postgres_failed> failure_;
  bool has_begun_ = false;
  bool has_written_ = false;
};

/// One run. Throws postgres_failed if nothing was committed, or nobody knows.
aio::awaitable<result<void>> run_once(postgres_connection& on, pooled_transaction& one,
                                      const postgres_limits& limits, write_outcomes& writes) {
  postgres_transaction in(on, one, limits);
  result<void> outcome;
  try {
    outcome = co_await one.body(in);
  } catch (const statement_failed&) {
    if (!in.failure()) throw;  // not ours: a bug, which ends the process
  }
  const bool is_read = one.what == pooled_transaction::kind::read;
  if (is_read && in.has_begun()) on.send_and_forget(commit_text);
  const bool is_lost = in.failure() || !outcome;
  if (is_lost && !is_read) co_await in.roll_back();
  if (in.failure()) throw *in.failure();
  if (is_lost || is_read || !in.has_begun()) co_return outcome;
  std::optional<postgres_failed> failure;
  try {
    co_await in.commit(1);
  } catch (const postgres_failed& failed) {
    failure = failed;
  }
  if (failure) {
    one.was_in_doubt = one.was_in_doubt || failure->is_connection_lost();
    // What was sent with the COMMIT may have failed before it.
    co_await in.roll_back();
    throw *std::move(failure);
  }
  writes.note(outcome, in.has_written());
  co_return outcome;
}

/// All of a group in one transaction. False: nothing is known to be committed, and each is to run
/// by itself; also one that has refused, since what it saw of the others has not happened.
aio::awaitable<bool> run_together(postgres_connection& on, std::vector<pooled_transaction>& group,
                                  const postgres_limits& limits, write_outcomes& writes) {
  postgres_transaction in(on, group.front(), limits);
  for (auto& one : group) ++one.runs;
  bool is_good = true;
  try {
    for (auto& one : group) {
      const auto outcome = co_await one.body(in);
      is_good = outcome.has_value();
      if (!is_good) break;
    }
  } catch (const statement_failed&) {
    if (!in.failure()) throw;  // not ours: a bug, which ends the process
  }
  std::optional<postgres_failed> failure = in.failure();
  bool is_in_doubt = false;
  if (is_good && !failure && in.has_begun()) {
    try {
      co_await in.commit(group.size());
    } catch (const postgres_failed& failed) {
      failure = failed;
      is_in_doubt = failed.is_connection_lost();
    }
  }
  if (is_good && !failure) {
    writes.note(result<void>(), in.has_written());
    co_return true;
  }
  auto& repeated = is_in_doubt                                ? repeated_in_doubt
                   : failure && failure->is_connection_lost() ? repeated_lost
                                                              : repeated_conflicts;
  repeated.add(group.size());
  for (auto& one : group) one.was_in_doubt = one.was_in_doubt || is_in_doubt;
  co_await in.roll_back();
  co_return false;
}

error given_up(const pooled_transaction& one, const postgres_failed& why) {
  if (!one.was_in_doubt) return why.failure();
  return fail(errc::unavailable,
              "the connection broke while it was committed, and the database has not come back: it "
              "may have been done");
}

/// Nothing: the connection is lost, and it is to run again on another one.
aio::awaitable<std::optional<result<void>>> run_alone(postgres_connection& on,
                                                      pooled_transaction& one,
                                                      const postgres_limits& limits,
                                                      write_outcomes& writes) {
  while (true) {
    ++one.runs;
    std::optional<postgres_failed> failure;
    try {
      auto outcome = co_await run_once(on, one, limits, writes);
      co_return std::optional<result<void>>(std::move(outcome));
    } catch (const postgres_failed& failed) {
      failure = failed;
    }
    const bool may_run_again = one.runs < runs_max && steady_clock::now() < one.give_up;
    if (failure->is_connection_lost() && may_run_again) {
      (one.was_in_doubt ? repeated_in_doubt : repeated_lost).add();
      co_return std::nullopt;
    }
    if (!failure->is_conflict() || !may_run_again || !on.is_usable()) {
      failures.add();
      result<void> outcome = given_up(one, *failure);
      if (one.what == pooled_transaction::kind::write) writes.note(outcome, false);
      co_return std::optional<result<void>>(std::move(outcome));
    }
    repeated_conflicts.add();
    const auto pause = conflict_pause.delay(one.runs, system_random());
    co_await aio::sleep_for(pause);
  }
}

}  // namespace

void write_outcomes::note(const result<void>& outcome, bool has_written) noexcept {
  if (outcome) {
    if (has_written) trouble_.store(no_trouble, std::memory_order_relaxed);
    return;
  }
  const auto code = outcome.error().code;
  if (code != errc::storage_full && code != errc::storage_failed) return;
  trouble_.store(static_cast<int>(code), std::memory_order_relaxed);
}

std::optional<errc> write_outcomes::trouble() const noexcept {
  const int code = trouble_.load(std::memory_order_relaxed);
  if (code == no_trouble) return std::nullopt;
  return static_cast<errc>(code);
}

aio::awaitable<std::vector<pooled_transaction>> run_transactions(
    postgres_connection& on, std::vector<pooled_transaction> group, const postgres_limits& limits,
    write_outcomes& writes) {
  std::vector<pooled_transaction> left;
  // What has run before may be what breaks the connection: it does not take others along again.
  const bool are_new =
      std::ranges::all_of(group, [](const pooled_transaction& one) { return one.runs == 0; });
  if (group.size() > 1 && are_new) {
    const bool is_done = co_await run_together(on, group, limits, writes);
    if (is_done) {
      for (auto& one : group) one.finish(result<void>());
      co_return left;
    }
  }
  for (auto& one : group) {
    std::optional<result<void>> outcome;
    if (on.is_usable()) outcome = co_await run_alone(on, one, limits, writes);
    if (outcome) {
      one.finish(*std::move(outcome));
    } else {
      left.push_back(std::move(one));
    }
  }
  co_return left;
}

}  // namespace throughline::sql
