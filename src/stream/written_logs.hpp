// What this process knows of the logs it has written to a Redis, for metrics: how many are still
// kept there and what they take, and which of them it had to write again. Thread-safe, bounded: the
// ones written longest ago are forgotten first.
#pragma once

#include <list>
#include <mutex>
#include <unordered_map>

#include "base/clock.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::stream {

class written_logs {
 public:
  static constexpr std::size_t logs_max = 200'000;

  /// `ttl`: how long a log is kept after its last append.
  explicit written_logs(milliseconds ttl) : ttl_(ttl) {}

  struct append {
    std::uint32_t first_index = 0;
    std::size_t bytes = 0;
    bool is_terminal = false;
  };
  /// True: these chunks had been written before, and were lost.
  bool note(const writer& by, const append& what, steady_time now);
  void forget(task_id task);
  [[nodiscard]] log_totals totals(steady_time now);

 private:
  struct entry {
    task_id task;
    std::uint32_t attempt = 0;
    bool ended = false;
    std::size_t bytes = 0;
    steady_time touched;
  };
  using entries = std::list<entry>;

  // With the mutex held.
  void drop(entries::iterator which);
  void sweep(steady_time now);

  const milliseconds ttl_;
  std::mutex mutex_;
  entries all_;  // in the order of `touched`, oldest first
  std::unordered_map<task_id, entries::iterator> by_task_;
  log_totals sum_;
};

}  // namespace throughline::stream
