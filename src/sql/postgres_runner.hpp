// Runs one transaction on one connection:
//
//   BEGIN, statement | statement... | COMMIT     answer
//
// Between the bars is one round trip; statements that nobody awaits go with what comes next.
//
// A transaction that stood in another one's way runs again after a pause; one whose connection
// broke is to run again on another connection, also when that was at the COMMIT: it may have been
// made, and bodies are idempotent. Transactions of a group that waited together share one: a lock
// taken, a commit and its write to the disk for all of them. Used by postgres_pool.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aio/one_shot.hpp"
#include "sql/postgres_connection.hpp"

namespace throughline::sql {

struct postgres_limits {
  std::size_t waiting_max = 20'000;      // transactions of a pool without a connection
  milliseconds waiting_deadline{5'000};  // how long they wait for one
  milliseconds statement_deadline{10'000};
  milliseconds transaction_deadline{20'000};  // with all its runs; nothing is tried again after it
  milliseconds connect_deadline{5'000};
};

/// A transaction somebody waits for.
struct pooled_transaction {
  enum class kind : std::uint8_t { write, read };

  transaction_body body;
  aio::one_shot<result<void>> answer;
  kind what = kind::write;
  std::string group;       // as in database::write_in_group()
  steady_time wait_until;  // for a connection
  steady_time give_up;
  int runs = 0;
  bool was_in_doubt = false;  // a run may have been committed

  /// Gives the answer. The body goes first: whoever hears the answer may rely on its captures being
  /// gone.
  void finish(result<void> outcome) {
    body = nullptr;
    answer.set(std::move(outcome));
  }
};

/// What the last writes came to; any thread.
class write_outcomes {
 public:
  void note(const result<void>& outcome, bool has_written) noexcept;
  [[nodiscard]] std::optional<errc> trouble() const noexcept;

 private:
  static constexpr auto no_trouble = static_cast<int>(errc::internal);
  std::atomic<int> trouble_{no_trouble};  // an errc
};

/// Answers those that have ended, and returns the others: the connection is lost, and they are to
/// run again on another one. More than one share a transaction, unless one of them fails: then each
/// runs by itself. The connection may be lost even if nothing is returned.
[[nodiscard]] aio::awaitable<std::vector<pooled_transaction>> run_transactions(
    postgres_connection& on, std::vector<pooled_transaction> group, const postgres_limits& limits,
    write_outcomes& writes);

}  // namespace throughline::sql
