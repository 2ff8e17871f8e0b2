// How often somebody may be wrong about a secret: ten times a minute from one address, and two
// hundred times from all that have not been right lately. Whoever has used that up is not even
// looked at, or being refused would tell what is wrong and being let in what is right; so somebody
// who shares an address with a guesser waits with him. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "guard/rate_limit.hpp"

namespace throughline::guard {

class attempts {
 public:
  static constexpr std::int64_t per_address_and_minute = 10;
  static constexpr std::int64_t per_minute = 200;
  /// An address that was right is not held up by what others do for so long.
  static constexpr std::chrono::hours known_for{1};

  struct outcome {
    bool is_right = false;
    std::chrono::nanoseconds wait{0};  // not zero: it was not looked at, and may come again then
  };
  /// `is_right` looks at what was sent, quickly; it is called at most once. `address` is an IP
  /// address as text; of version 6 only the network counts, for one household has billions of them.
  template <class Check>
  [[nodiscard]] outcome attempt(const std::string& address, steady_time now, Check is_right) {
    const std::lock_guard lock(mutex_);
    record& from = find(address, now);
    if (const auto wait = take(from, now); wait > wait.zero()) return {.wait = wait};
    if (!is_right()) return {};
    praise(from, now);
    return {.is_right = true};
  }

 private:
  struct record {
    token_bucket wrong{};
    steady_time known_until = steady_time::min();
  };
  record& find(const std::string& address, steady_time now);
  std::chrono::nanoseconds take(record& from, steady_time now);
  void praise(record& from, steady_time now);

  std::mutex mutex_;
  std::unordered_map<std::string, record> records_;
  std::size_t clean_at_ = 1024;  // so many records: forget those that say nothing
  token_bucket all_;
};

}  // namespace throughline::guard
