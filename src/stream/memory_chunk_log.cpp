#include "stream/memory_chunk_log.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "base/metrics.hpp"
#include "stream/log_shard.hpp"

namespace throughline::stream {
namespace {

metrics::counter& chunks_appended = metrics::find_counter(metrics::chunks_appended);

class memory_chunk_log final : public chunk_log {
 public:
  memory_chunk_log(memory_chunk_log_options options, clock& time) : options_(options), time_(time) {
    for (auto& shard : shards_) shard.configure(all_, options_.ttl);
  }

  aio::awaitable<result<append_result>> open(writer by) override {
    THROUGHLINE_ASSERT(by.attempt >= 1);
    const auto now = time_.steady_now();
    const auto outcome = shard_of(by.task).open(by, now);
    // Tasks begin all the time: each looks after one more shard, so that no shard keeps what has
    // expired.
    shards_[turn_.fetch_add(1, std::memory_order_relaxed) % shards_.size()].drop_expired(now);
    keep_within_bounds();
    co_return outcome;
  }

  aio::awaitable<result<append_result>> append(writer by, std::uint32_t first_index,
                                               std::vector<chunk> chunks) override {
    co_return append_now(by, first_index, chunks);
  }

  bool append_then(const writer& by, std::uint32_t first_index, std::span<const chunk> chunks,
                   append_listener told) override {
    told(append_now(by, first_index, chunks));
    return true;
  }

  aio::awaitable<result<read_result>> read(task_id task, std::optional<position> after,
                                           std::size_t bytes_max) override {
    co_return shard_of(task).read(task, after, bytes_max, time_.steady_now());
  }

  std::unique_ptr<subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell) override {
    return shard_of(task).subscribe(task, std::move(bell), time_);
  }

  aio::awaitable<> remove(task_id task) override {
    shard_of(task).remove(task);
    co_return;
  }

  log_totals totals() const override {
    log_totals sum;
    sum.ended = all_.ended.load(std::memory_order_relaxed);
    for (const auto& shard : shards_) {
      const auto part = shard.totals();
      sum.logs += part.logs;
      sum.bytes += part.bytes;
    }
    return sum;
  }

 private:
  append_result append_now(const writer& by, std::uint32_t first_index,
                           std::span<const chunk> chunks) {
    THROUGHLINE_ASSERT(by.attempt >= 1);
    static thread_local encoded_chunks scratch;
    scratch.encode(by.attempt, first_index, chunks);
    const auto outcome = shard_of(by.task).append(by, first_index, scratch, time_.steady_now());
    if (outcome.status == append_status::appended) chunks_appended.add(chunks.size());
    keep_within_bounds();
    return outcome;
  }

  log_shard& shard_of(task_id task) noexcept { return shards_[task.hash() >> 58]; }

  void keep_within_bounds() {
    if (!has_too_much()) return;
    const std::lock_guard lock(evicting_);
    while (has_too_much() && drop_oldest()) {
    }
  }

  /// And something that may go: what is running alone can be too much for long, and no append looks
  /// through the shards for nothing.
  bool has_too_much() const {
    return all_.bytes.load(std::memory_order_relaxed) > options_.bytes_max &&
           all_.ended.load(std::memory_order_relaxed) > 0;
  }

  /// False if no log has ended.
  bool drop_oldest() {
    log_shard* oldest = nullptr;
    steady_time ended_at = steady_time::max();
    for (auto& shard : shards_) {
      const auto candidate = shard.oldest_end();
      if (candidate && *candidate < ended_at) {
        ended_at = *candidate;
        oldest = &shard;
      }
    }
    if (oldest != nullptr) oldest->drop_ended_at(ended_at);
    return oldest != nullptr;
  }

  const memory_chunk_log_options options_;
  clock& time_;
  log_shard::sums all_;
  std::atomic<std::size_t> turn_{0};
  std::array<log_shard, 64> shards_;
  std::mutex evicting_;
};

}  // namespace

std::unique_ptr<chunk_log> make_memory_chunk_log(memory_chunk_log_options options, clock& time) {
  return std::make_unique<memory_chunk_log>(options, time);
}

}  // namespace throughline::stream
