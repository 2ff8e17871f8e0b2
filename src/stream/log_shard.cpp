#include "stream/log_shard.hpp"

#include <utility>

#include "base/assert.hpp"

namespace throughline::stream {

bool log_shard::task_log::is_fenced(const writer& by) const noexcept {
  return by.attempt < fence_attempt || (by.attempt == fence_attempt && by.worker != fence_worker);
}

std::uint32_t log_shard::task_log::length_for(const writer& by) const noexcept {
  return by.attempt == attempt ? chunks.count() : 0;
}

/// Listed in its task's log; all but its bell is guarded by the shard's mutex.
class log_shard::follower final : public chunk_log::subscription {
 public:
  follower(log_shard& home, task_log& log, std::shared_ptr<aio::bell> bell, clock& time)
      : home_(home), log_(log), bell_(std::move(bell)), time_(time), place_(log.followers.size()) {
    log.followers.push_back(this);
  }

  ~follower() override {
    const std::lock_guard lock(home_.mutex_);
    auto& all = log_.followers;
    all[place_] = all.back();
    all[place_]->place_ = place_;
    all.pop_back();
    if (!all.empty() || log_.exists) return;
    const task_id task = log_.task;  // the key dies with the entry
    home_.logs_.erase(task);
  }

  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  std::optional<read_result> read_now(std::optional<position> after,
                                      std::size_t bytes_max) override {
    const auto now = time_.steady_now();
    const std::lock_guard lock(home_.mutex_);
    home_.sweep(now);
    return log_.read(after, bytes_max);
  }

  void ring() { bell_->ring(); }

 private:
  log_shard& home_;
  task_log& log_;
  const std::shared_ptr<aio::bell> bell_;
  clock& time_;
  std::size_t place_;
};

log_shard::~log_shard() {
  for (const auto& [task, log] : logs_) THROUGHLINE_ASSERT(log.followers.empty());
}

void log_shard::ring(const task_log& log) {
  for (follower* each : log.followers) each->ring();
}

append_result log_shard::open(const writer& by, steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
  task_log& log = find_or_add(by.task);
  if (log.is_fenced(by)) return {append_status::fenced, log.length_for(by)};
  log.fence_attempt = by.attempt;
  log.fence_worker = by.worker;
  if (!log.is_over()) touch(log, now);
  ring(log);
  return {append_status::appended, log.length_for(by)};
}

append_result log_shard::append(const writer& by, std::uint32_t first_index,
                                const encoded_chunks& chunks, steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
  task_log* found = find(by.task);
  if (found != nullptr) {
    const std::uint32_t length = found->length_for(by);
    if (found->is_fenced(by)) return {append_status::fenced, length};
    if (by.attempt == found->attempt && found->ended) return {append_status::ended, length};
    if (first_index != length) return {append_status::mismatch, length};
  } else if (first_index != 0) {
    return {append_status::mismatch, 0};
  }
  if (chunks.ends.empty()) return {append_status::appended, first_index};

  task_log& log = found != nullptr ? *found : find_or_add(by.task);
  log.fence_attempt = by.attempt;
  log.fence_worker = by.worker;
  const std::size_t bytes_before = log.chunks.bytes();
  log.append(by.attempt, first_index, 0, chunks, now);
  count_bytes(bytes_before, log.chunks.bytes());
  touch(log, now);
  ring(log);
  return {append_status::appended, log.chunks.count()};
}

read_result log_shard::read(task_id task, std::optional<position> after, std::size_t bytes_max,
                            steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
  const task_log* const found = find(task);
  return found != nullptr ? found->read(after, bytes_max) : read_result{};
}

std::unique_ptr<chunk_log::subscription> log_shard::subscribe(task_id task,
                                                              std::shared_ptr<aio::bell> bell,
                                                              clock& time) {
  const std::lock_guard lock(mutex_);
  task_log& log = logs_.try_emplace(task).first->second;
  log.task = task;
  return std::make_unique<follower>(*this, log, std::move(bell), time);
}

void log_shard::remove(task_id task) {
  const std::lock_guard lock(mutex_);
  if (task_log* const found = find(task)) erase(*found);
}

void log_shard::drop_expired(steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
}

std::optional<steady_time> log_shard::oldest_end() const {
  const std::lock_guard lock(mutex_);
  if (over_.empty()) return std::nullopt;
  return over_.front()->touched;
}

void log_shard::drop_ended_at(steady_time when) {
  const std::lock_guard lock(mutex_);
  if (!over_.empty() && over_.front()->touched == when) erase(*over_.front());
}

log_totals log_shard::totals() const {
  const std::lock_guard lock(mutex_);
  return {.logs = existing_, .bytes = bytes_};
}

log_shard::task_log* log_shard::find(task_id task) {
  const auto found = logs_.find(task);
  return found != logs_.end() && found->second.exists ? &found->second : nullptr;
}

log_shard::task_log& log_shard::find_or_add(task_id task) {
  task_log& log = logs_.try_emplace(task).first->second;
  if (log.exists) return log;
  log.task = task;
  log.exists = true;
  ++existing_;
  log.order = &running_;
  log.place = running_.insert(running_.end(), &log);
  count_bytes(0, bytes_per_log);
  return log;
}

void log_shard::touch(task_log& log, steady_time now) {
  log.touched = now;
  auto& order = log.is_over() ? over_ : running_;
  order.splice(order.end(), *log.order, log.place);
  if (log.order == &order) return;
  log.order = &order;
  if (log.is_over()) {
    all_->ended.fetch_add(1, std::memory_order_relaxed);
  } else {
    all_->ended.fetch_sub(1, std::memory_order_relaxed);
  }
}

void log_shard::erase(task_log& log) {
  count_bytes(log.chunks.bytes() + bytes_per_log, 0);
  log.order->erase(log.place);
  if (log.order == &over_) all_->ended.fetch_sub(1, std::memory_order_relaxed);
  --existing_;
  if (log.followers.empty()) {
    const task_id task = log.task;  // the key dies with the entry
    logs_.erase(task);
    return;
  }
  ring(log);
  task_log empty;
  empty.task = log.task;
  empty.followers = std::move(log.followers);
  log = std::move(empty);
}

void log_shard::count_bytes(std::size_t before, std::size_t after) noexcept {
  if (before == after) return;
  // Unsigned: a difference below zero wraps, and the sum wraps back.
  bytes_ += after - before;
  all_->bytes.fetch_add(after - before, std::memory_order_relaxed);
}

void log_shard::sweep(steady_time now) {
  while (!running_.empty() && now - running_.front()->touched >= ttl_) erase(*running_.front());
  while (!over_.empty() && now - over_.front()->touched >= ttl_) erase(*over_.front());
}

}  // namespace throughline::stream
