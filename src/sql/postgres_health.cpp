#include "sql/postgres_health.hpp"

#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::sql {
namespace {

metrics::gauge& unreachable_since = metrics::find_gauge(metrics::database_unreachable_since);

constexpr std::int64_t nanoseconds_per_ms = 1'000'000;

}  // namespace

void postgres_health::note_failure(const std::string& why, bool is_alone) {
  const std::lock_guard lock(mutex_);
  ++failures_;
  next_try_ = std::chrono::steady_clock::now() + patience.delay(failures_, system_random());
  if (!is_alone) {
    if (failures_ == 1) log::warning("another connection to the database fails", {{"why", why}});
    return;
  }
  if (!outage_) {
    outage_ = outage{system_clock().wall_now(), why};
    unreachable_since.set(to_unix_ms(outage_->since) * nanoseconds_per_ms);
    log::error("the database cannot be reached", {{"why", why}});
  }
  outage_->why = why;
}

void postgres_health::note_success() {
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  next_try_ = {};
  if (!outage_) return;
  log::info("the database can be reached again",
            {{"after", system_clock().wall_now() - outage_->since}});
  outage_.reset();
  unreachable_since.set(0);
}

std::optional<postgres_health::outage> postgres_health::current() const {
  const std::lock_guard lock(mutex_);
  return outage_;
}

steady_time postgres_health::next_try() const {
  const std::lock_guard lock(mutex_);
  return next_try_;
}

}  // namespace throughline::sql
