// Which bells to ring when a task's log has changed. Used by the chunk logs. Thread-safe; ringing
// holds a mutex of its own, never one that readers of the logs need, so that a task with thousands
// of followers delays nobody's reading.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "aio/bell.hpp"
#include "base/id.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::stream {

class bell_board {
 public:
  bell_board() = default;
  /// REQUIRES: every subscription has died.
  ~bell_board();
  bell_board(const bell_board&) = delete;
  bell_board& operator=(const bell_board&) = delete;

  /// Once the subscription is dead its bell is not rung any more.
  [[nodiscard]] std::unique_ptr<chunk_log::subscription> subscribe(task_id task,
                                                                   std::shared_ptr<aio::bell> bell);
  void ring(task_id task);

 private:
  class member;
  struct alignas(64) shard {
    std::mutex mutex;
    std::unordered_map<task_id, std::vector<member*>> members;
  };
  shard& shard_of(task_id task) noexcept { return shards_[task.hash() >> 58]; }

  std::array<shard, 64> shards_;
};

}  // namespace throughline::stream
