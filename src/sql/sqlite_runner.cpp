#include "sql/sqlite_runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "base/assert.hpp"
#include "base/fault_point.hpp"
#include "base/metrics.hpp"

namespace throughline::sql {
namespace {

metrics::histogram& commit_times = metrics::find_histogram(metrics::commit_time);
metrics::histogram& group_sizes = metrics::find_histogram(metrics::commit_group);
metrics::counter& failures = metrics::find_counter(metrics::commit_failures);

class sqlite_transaction final : public transaction {
 public:
  explicit sqlite_transaction(sqlite_connection& connection) : connection_(connection) {}

  aio::awaitable<rows> execute(std::string_view text, parameters values) override {
    // A body that catches a failure and goes on must not write outside of its transaction.
    if (lost_) throw sqlite_failed(*lost_);
    THROUGHLINE_ASSERT(connection_.in_transaction());
    try {
      co_return connection_.execute(text, values);
    } catch (const sqlite_failed& failed) {
      if (!connection_.in_transaction()) lost_ = failed;
      throw;
    }
  }

  /// The failure with which SQLite rolled back everything.
  [[nodiscard]] const std::optional<sqlite_failed>& lost() const noexcept { return lost_; }

 private:
  sqlite_connection& connection_;
  std::optional<sqlite_failed> lost_;
};

result<void> outcome_of(const std::exception_ptr& thrown, result<void> returned) {
  if (!thrown) return returned;
  try {
    std::rethrow_exception(thrown);
  } catch (const statement_failed& failed) {
    return failed.failure();
  } catch (const std::exception& broken) {
    assertion_failed(broken.what(), __FILE__, __LINE__);
  }
}

}  // namespace

void sqlite_runner::write(std::vector<waiting_transaction> group) {
  if (group.size() > 1) {
    if (auto outcomes = write_together(group)) {
      for (std::size_t i = 0; i < group.size(); ++i) group[i].finish(std::move((*outcomes)[i]));
      return;
    }
  }
  for (auto& one : group) {
    auto outcome = write_alone(one.body);
    one.finish(std::move(outcome));
  }
}

std::optional<std::vector<result<void>>> sqlite_runner::write_together(
    std::vector<waiting_transaction>& group) {
  std::vector<result<void>> outcomes;
  try {
    connection_.execute("BEGIN IMMEDIATE");
    for (auto& one : group) {
      outcomes.push_back(run_in_savepoint(one.body));
      if (!connection_.in_transaction()) return std::nullopt;
    }
    commit(group.size());
  } catch (const sqlite_failed& failed) {
    failures.add();
    connection_.roll_back_if_open();
    if (!failed.is_io_error() && !failed.is_busy()) return std::nullopt;
    outcomes.assign(group.size(), failed.failure());
  }
  return outcomes;
}

result<void> sqlite_runner::run_in_savepoint(transaction_body& body) {
  connection_.execute("SAVEPOINT one");
  auto outcome = run(body);
  if (!connection_.in_transaction()) return outcome;
  if (!outcome) connection_.execute("ROLLBACK TO one");
  connection_.execute("RELEASE one");
  return outcome;
}

result<void> sqlite_runner::write_alone(transaction_body& body) {
  try {
    connection_.execute("BEGIN IMMEDIATE");
    auto outcome = run(body);
    if (outcome) {
      commit(1);
    } else {
      connection_.roll_back_if_open();
    }
    return outcome;
  } catch (const sqlite_failed& failed) {
    failures.add();
    connection_.roll_back_if_open();
    return failed.failure();
  }
}

void sqlite_runner::read(waiting_transaction one) {
  result<void> outcome;
  try {
    connection_.execute("BEGIN");
    outcome = run(one.body);
    connection_.roll_back_if_open();
  } catch (const sqlite_failed& failed) {
    connection_.roll_back_if_open();
    outcome = failed.failure();
  }
  one.finish(std::move(outcome));
}

result<void> sqlite_runner::run(transaction_body& body) {
  sqlite_transaction in(connection_);
  std::optional<result<void>> outcome;
  boost::asio::co_spawn(context_, body(in),
                        [&outcome](const std::exception_ptr& thrown, result<void> returned) {
                          outcome = outcome_of(thrown, std::move(returned));
                        });
  context_.restart();
  context_.poll();
  // A body awaits nothing but execute(), which does not suspend here.
  THROUGHLINE_ASSERT(outcome.has_value());
  if (in.lost()) return in.lost()->failure();
  THROUGHLINE_ASSERT(connection_.in_transaction());
  return *std::move(outcome);
}

void sqlite_runner::commit(std::size_t transactions) {
  fault_point("commit.before");
  const auto began = std::chrono::steady_clock::now();
  connection_.execute("COMMIT");
  commit_times.observe(std::chrono::steady_clock::now() - began);
  group_sizes.observe(static_cast<std::int64_t>(transactions));
  fault_point("commit.after");
  commits_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace throughline::sql
