// Transactions that wait for a thread: bounded, from any event loop to threads that may block. Used
// by sqlite_database.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "aio/one_shot.hpp"
#include "base/metrics.hpp"
#include "sql/database.hpp"

namespace throughline::sql {

struct waiting_transaction {
  transaction_body body;
  aio::one_shot<result<void>> answer;

  /// Gives the answer. The body goes first: whoever hears the answer may rely on its captures being
  /// gone.
  void finish(result<void> outcome) {
    body = nullptr;
    answer.set(std::move(outcome));
  }
};

class transaction_queue {
 public:
  /// `kind` is what /metrics calls them.
  transaction_queue(std::size_t waiting_max, const char* kind)
      : waiting_max_(waiting_max),
        shown_(metrics::find_gauge(metrics::transactions_waiting, {kind})) {}

  /// Runs `body` on whichever thread takes it, and suspends until that thread has finished it;
  /// being cancelled changes nothing about that. `overloaded` at once if too many wait. On an event
  /// loop only, which outlives the threads.
  [[nodiscard]] aio::awaitable<result<void>> run(transaction_body body);

  /// Blocks until something waits, and takes the oldest, `most` at most. Nothing: closed, and all
  /// that waited was taken.
  [[nodiscard]] std::vector<waiting_transaction> take(std::size_t most);

  /// take() will not block any more. Nothing may be added from now on.
  void close();

 private:
  const std::size_t waiting_max_;
  metrics::gauge& shown_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<waiting_transaction> waiting_;
  bool closed_ = false;
};

}  // namespace throughline::sql
