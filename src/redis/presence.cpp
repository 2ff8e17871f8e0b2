#include "redis/presence.hpp"

#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::redis {
namespace {

metrics::gauge& away_since = metrics::find_gauge(metrics::redis_away_since);

}  // namespace

presence::presence(std::string name, clock& time) : name_(std::move(name)), time_(time) {}

std::optional<presence::absence> presence::away() const {
  const std::lock_guard lock(mutex_);
  if (missing_ == 0) return std::nullopt;
  return away_;
}

void presence::lost(const error& why) {
  const std::lock_guard lock(mutex_);
  if (missing_++ > 0) return;
  away_ = {time_.wall_now(), why.detail};
  away_since.set(std::chrono::nanoseconds(away_.since.time_since_epoch()));
  log::warning("redis is away", {{"server", name_}, {"why", why.detail}});
}

void presence::found() {
  const std::lock_guard lock(mutex_);
  THROUGHLINE_ASSERT(missing_ > 0);
  if (--missing_ > 0) return;
  away_since.set(std::int64_t{0});
  log::info("redis is back", {{"server", name_}, {"after", time_.wall_now() - away_.since}});
}

}  // namespace throughline::redis
