// Whether a Redis is there, as all connections of a process to it see it together: one line in the
// log when the first of them is lost, one when the last is back, and since when for /readyz and
// /metrics. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace throughline::redis {

class presence {
 public:
  /// `name`: of the server, for the log. `time` must outlive it.
  explicit presence(std::string name, clock& time = system_clock());

  struct absence {
    wall_time since;
    std::string why;  // a sentence; no secret
  };
  /// nullopt: every connection stands (or none has been tried yet).
  [[nodiscard]] std::optional<absence> away() const;

  /// For links: one of them was lost or could not be made; it is there (again). Each says `lost`
  /// at most once before it says `found`.
  void lost(const error& why);
  void found();

 private:
  const std::string name_;
  clock& time_;
  mutable std::mutex mutex_;
  int missing_ = 0;
  absence away_;
};

}  // namespace throughline::redis
