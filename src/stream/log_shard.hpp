// A part of the memory chunk log: the logs of the tasks that fall into it and who follows them,
// behind one mutex that is held for a copy of a few frames and the ringing of bells at most. Used
// by memory_chunk_log only. Every function takes the time and first drops what has expired by then.
// Whatever changes a log rings the bells of its followers.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "stream/chunk_log.hpp"
#include "stream/readable_log.hpp"

namespace throughline::stream {

class alignas(64) log_shard {
 public:
  /// What a log takes besides its segments, near enough.
  static constexpr std::size_t bytes_per_log = 256;

  log_shard() = default;
  /// REQUIRES: every subscription has died.
  ~log_shard();
  log_shard(const log_shard&) = delete;
  log_shard& operator=(const log_shard&) = delete;

  /// Sums over all shards.
  struct sums {
    std::atomic<std::size_t> bytes{0};
    std::atomic<std::size_t> ended{0};  // logs: those that may go
  };
  void configure(sums& all, milliseconds ttl) {
    all_ = &all;
    ttl_ = ttl;
  }

  append_result open(const writer& by, steady_time now);
  append_result append(const writer& by, std::uint32_t first_index, const encoded_chunks& chunks,
                       steady_time now);
  read_result read(task_id task, std::optional<position> after, std::size_t bytes_max,
                   steady_time now);
  std::unique_ptr<chunk_log::subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell,
                                                     clock& time);
  void remove(task_id task);
  void drop_expired(steady_time now);

  /// When the log that has been over for longest came to its end; nullopt: none is over.
  [[nodiscard]] std::optional<steady_time> oldest_end() const;
  /// Drops that log if it ended at `when`.
  void drop_ended_at(steady_time when);

  /// Without `ended`.
  [[nodiscard]] log_totals totals() const;

 private:
  class follower;

  /// What there is of a task: its log, those who follow it, or both. Stays where it is while it is
  /// followed.
  struct task_log : readable_log {  // if it does not exist, it only has followers
    task_id task;
    std::vector<follower*> followers;
    worker_id fence_worker;
    steady_time touched;  // the last append, or the open before it
    std::list<task_log*>* order = nullptr;
    std::list<task_log*>::iterator place;

    [[nodiscard]] bool is_fenced(const writer& by) const noexcept;
    [[nodiscard]] bool is_over() const noexcept { return ended && fence_attempt == attempt; }
    [[nodiscard]] std::uint32_t length_for(const writer& by) const noexcept;
  };

  // All with the mutex held.
  [[nodiscard]] task_log* find(task_id task);
  task_log& find_or_add(task_id task);
  static void ring(const task_log& log);
  void touch(task_log& log, steady_time now);
  void erase(task_log& log);
  void count_bytes(std::size_t before, std::size_t after) noexcept;
  void sweep(steady_time now);

  sums* all_ = nullptr;
  milliseconds ttl_{};

  mutable std::mutex mutex_;
  std::unordered_map<task_id, task_log> logs_;  // its nodes stay where they are
  std::size_t existing_ = 0;
  // Both in the order of `touched`, oldest first.
  std::list<task_log*> running_;
  std::list<task_log*> over_;
  std::size_t bytes_ = 0;
};

}  // namespace throughline::stream
