// How often somebody may do something: so many a minute, all of them at once if one likes. The
// token bucket is pure: time is an argument. Used by the API for posts.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"

namespace throughline::guard {

/// Holds a minute's worth of tokens, full at first, and fills at an even pace. Remembers one moment
/// only: when it will be full again.
class token_bucket {
 public:
  /// Takes a token, or returns how long it takes until there is one. Zero: it was taken.
  /// REQUIRES per_minute >= 1, the same each time.
  [[nodiscard]] std::chrono::nanoseconds take(std::int64_t per_minute, steady_time now);
  /// Puts back a token that was taken.
  void put_back(std::int64_t per_minute);
  [[nodiscard]] bool is_full(steady_time now) const noexcept { return full_at_ <= now; }

 private:
  steady_time full_at_ = steady_time::min();
};

/// A bucket for each principal. Thread-safe. Bounded: full buckets are forgotten when there are
/// many, and a full one is what a principal begins with.
class rate_limit {
 public:
  /// 0: no limit.
  explicit rate_limit(std::int64_t per_minute) : per_minute_(per_minute) {}

  /// Zero if `who` may do it now, which counts; else after how long it may.
  [[nodiscard]] std::chrono::nanoseconds take(const std::string& who, steady_time now);
  [[nodiscard]] std::int64_t per_minute() const noexcept { return per_minute_; }

 private:
  const std::int64_t per_minute_;
  std::mutex mutex_;
  std::unordered_map<std::string, token_bucket> buckets_;
  std::size_t clean_at_ = 1024;  // so many buckets: look for full ones
};

}  // namespace throughline::guard
