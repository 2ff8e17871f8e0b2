// Whether a PostgreSQL server can be reached, as all pools of a process see it, and when it is
// worth trying next: one line in the log when it goes and one when it is back. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "aio/backoff.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

namespace throughline::sql {

class postgres_health {
 public:
  struct outage {
    wall_time since;
    std::string why;  // the newest failure: a sentence without a secret
  };

  /// A connection could not be made. `is_alone`: nor is there any other one.
  void note_failure(const std::string& why, bool is_alone);
  void note_success();

  /// nullopt: nothing is known to be wrong.
  [[nodiscard]] std::optional<outage> current() const;
  /// Nobody should try before.
  [[nodiscard]] steady_time next_try() const;

 private:
  static constexpr aio::backoff patience{milliseconds(100), milliseconds(2'000)};

  mutable std::mutex mutex_;
  std::optional<outage> outage_;
  int failures_ = 0;  // since the last success
  steady_time next_try_{};
};

}  // namespace throughline::sql
