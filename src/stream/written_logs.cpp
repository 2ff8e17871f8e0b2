#include "stream/written_logs.hpp"

namespace throughline::stream {

bool written_logs::note(const writer& by, const append& what, steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
  auto found = by_task_.find(by.task);
  if (found == by_task_.end()) {
    all_.push_back({by.task, by.attempt, false, 0, now});
    found = by_task_.emplace(by.task, std::prev(all_.end())).first;
    ++sum_.logs;
  }
  entry& log = *found->second;
  const bool begins = what.first_index == 0;
  const bool is_again = begins && log.attempt == by.attempt && log.bytes > 0;
  if (begins) {
    sum_.bytes -= log.bytes;
    log.bytes = 0;
  }
  log.attempt = by.attempt;
  log.bytes += what.bytes;
  sum_.bytes += what.bytes;
  if (log.ended != what.is_terminal) what.is_terminal ? ++sum_.ended : --sum_.ended;
  log.ended = what.is_terminal;
  log.touched = now;
  all_.splice(all_.end(), all_, found->second);
  return is_again;
}

void written_logs::forget(task_id task) {
  const std::lock_guard lock(mutex_);
  const auto found = by_task_.find(task);
  if (found != by_task_.end()) drop(found->second);
}

log_totals written_logs::totals(steady_time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
  return sum_;
}

void written_logs::drop(entries::iterator which) {
  --sum_.logs;
  sum_.bytes -= which->bytes;
  if (which->ended) --sum_.ended;
  by_task_.erase(which->task);
  all_.erase(which);
}

void written_logs::sweep(steady_time now) {
  while (!all_.empty() && (now - all_.front().touched >= ttl_ || all_.size() > logs_max)) {
    drop(all_.begin());
  }
}

}  // namespace throughline::stream
