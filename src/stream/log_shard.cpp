#include "stream/log_shard.hpp"

#include <string_view>

namespace throughline::stream {

bool log_shard::task_log::is_fenced(const writer& by) const noexcept {
  return by.attempt < fence_attempt || (by.attempt == fence_attempt && by.worker != fence_worker);
}

std::uint32_t log_shard::task_log::length_for(const writer& by) const noexcept {
  return by.attempt == attempt ? chunks.count() : 0;
}

append_result log_shard::open(const writer& by, steady_time now, std::vector<task_id>& dropped) {
  const std::lock_guard lock(mutex_);
  sweep(now, dropped);
  task_log& log = find_or_add(by.task);
  if (log.is_fenced(by)) return {append_status::fenced, log.length_for(by)};
  log.fence_attempt = by.attempt;
  log.fence_worker = by.worker;
  if (!log.is_over()) touch(log, now);
  return {append_status::appended, log.length_for(by)};
}

append_result log_shard::append(const writer& by, std::uint32_t first_index,
                                const encoded_chunks& chunks, steady_time now,
                                std::vector<task_id>& dropped) {
  const std::lock_guard lock(mutex_);
  sweep(now, dropped);
  const auto found = logs_.find(by.task);
  if (found != logs_.end()) {
    const task_log& log = found->second;
    const std::uint32_t length = log.length_for(by);
    if (log.is_fenced(by)) return {append_status::fenced, length};
    if (by.attempt == log.attempt && log.ended) return {append_status::ended, length};
    if (first_index != length) return {append_status::mismatch, length};
  } else if (first_index != 0) {
    return {append_status::mismatch, 0};
  }
  if (chunks.ends.empty()) return {append_status::appended, first_index};

  task_log& log = found != logs_.end() ? found->second : find_or_add(by.task);
  log.fence_attempt = by.attempt;
  log.fence_worker = by.worker;
  const std::size_t bytes_before = log.chunks.bytes();
  if (log.attempt != by.attempt) {
    log.chunks.clear();
    log.attempt = by.attempt;
    log.ended = false;
  }
  std::size_t begin = 0;
  for (const std::size_t end : chunks.ends) {
    log.chunks.append(std::string_view(chunks.frames).substr(begin, end - begin));
    begin = end;
  }
  if (chunks.is_terminal) {
    log.ended = true;
    log.chunks.trim();
  }
  count_bytes(bytes_before, log.chunks.bytes());
  touch(log, now);
  return {append_status::appended, log.chunks.count()};
}

read_result log_shard::read(task_id task, std::optional<position> after, std::size_t bytes_max,
                            steady_time now, std::vector<task_id>& dropped) {
  read_result result;
  const std::lock_guard lock(mutex_);
  sweep(now, dropped);
  const auto found = logs_.find(task);
  if (found == logs_.end()) return result;
  const task_log& log = found->second;
  result.exists = true;
  result.attempt = log.attempt == 0 ? log.fence_attempt : log.attempt;
  result.length = log.chunks.count();
  result.ended = log.ended;
  if (!after || after->attempt < result.attempt) {
    result.runs = log.chunks.read(0, bytes_max);
  } else if (after->attempt == result.attempt && after->index < result.length) {
    result.runs = log.chunks.read(after->index + 1, bytes_max);
  }
  return result;
}

void log_shard::remove(task_id task) {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(task);
  if (found != logs_.end()) erase(found->second);
}

void log_shard::drop_expired(steady_time now, std::vector<task_id>& dropped) {
  const std::lock_guard lock(mutex_);
  sweep(now, dropped);
}

std::optional<steady_time> log_shard::oldest_end() const {
  const std::lock_guard lock(mutex_);
  if (over_.empty()) return std::nullopt;
  return over_.front()->touched;
}

void log_shard::drop_ended_at(steady_time when, std::vector<task_id>& dropped) {
  const std::lock_guard lock(mutex_);
  if (!over_.empty() && over_.front()->touched == when) drop(*over_.front(), dropped);
}

log_totals log_shard::totals() const {
  const std::lock_guard lock(mutex_);
  return {logs_.size(), bytes_};
}

log_shard::task_log& log_shard::find_or_add(task_id task) {
  const auto [found, is_new] = logs_.try_emplace(task);
  task_log& log = found->second;
  if (is_new) {
    log.task = task;
    log.order = &running_;
    log.place = running_.insert(running_.end(), &log);
    count_bytes(0, bytes_per_log);
  }
  return log;
}

void log_shard::touch(task_log& log, steady_time now) {
  log.touched = now;
  auto& order = log.is_over() ? over_ : running_;
  order.splice(order.end(), *log.order, log.place);
  log.order = &order;
}

void log_shard::erase(task_log& log) {
  count_bytes(log.chunks.bytes() + bytes_per_log, 0);
  log.order->erase(log.place);
  const task_id task = log.task;  // the key dies with the log
  logs_.erase(task);
}

void log_shard::count_bytes(std::size_t before, std::size_t after) noexcept {
  if (before == after) return;
  // Unsigned: a difference below zero wraps, and the sum wraps back.
  bytes_ += after - before;
  bytes_total_->fetch_add(after - before, std::memory_order_relaxed);
}

void log_shard::drop(task_log& log, std::vector<task_id>& dropped) {
  dropped.push_back(log.task);
  erase(log);
}

void log_shard::sweep(steady_time now, std::vector<task_id>& dropped) {
  while (!running_.empty() && now - running_.front()->touched >= ttl_)
    drop(*running_.front(), dropped);
  while (!over_.empty() && now - over_.front()->touched >= ttl_) drop(*over_.front(), dropped);
}

}  // namespace throughline::stream
