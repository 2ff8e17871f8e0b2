#include "guard/rate_limit.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace throughline::guard {
namespace {

constexpr std::chrono::nanoseconds minute = std::chrono::minutes(1);
constexpr std::size_t buckets_before_cleaning = 1024;

}  // namespace

std::chrono::nanoseconds token_bucket::take(std::int64_t per_minute, steady_time now) {
  THROUGHLINE_ASSERT(per_minute >= 1);
  const auto for_one = minute / per_minute;
  const auto full_after = std::max(full_at_, now) + for_one;
  // Less than one token in it means more than a minute until it were full with this one.
  if (full_after - now > minute) return full_after - now - minute;
  full_at_ = full_after;
  return std::chrono::nanoseconds(0);
}

void token_bucket::put_back(std::int64_t per_minute) {
  full_at_ -= minute / per_minute;
}

std::chrono::nanoseconds rate_limit::take(const std::string& who, steady_time now) {
  if (per_minute_ == 0) return std::chrono::nanoseconds(0);
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= clean_at_) {
    std::erase_if(buckets_, [now](const auto& one) { return one.second.is_full(now); });
    clean_at_ = std::max(buckets_before_cleaning, buckets_.size() * 2);
  }
  return buckets_[who].take(per_minute_, now);
}

}  // namespace throughline::guard
