// Time comes from here. Wall time is for people and for rows (milliseconds since 1970, UTC); steady
// time is for deadlines and never goes back. Pure code takes times as arguments; code that must ask
// takes a `clock&`, and tests give it one they move.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace throughline {

using milliseconds = std::chrono::milliseconds;
using seconds = std::chrono::seconds;
using wall_time = std::chrono::sys_time<milliseconds>;
using steady_time = std::chrono::steady_clock::time_point;

class clock {
 public:
  virtual ~clock() = default;
  [[nodiscard]] virtual wall_time wall_now() const = 0;
  [[nodiscard]] virtual steady_time steady_now() const = 0;
};

/// The machine's clocks. Wall time is anchored at start and moves with the steady clock: it never
/// steps.
clock& system_clock();

/// `2026-11-20T18:03:04.123Z`.
[[nodiscard]] std::string format_rfc3339(wall_time time);

[[nodiscard]] inline std::int64_t to_unix_ms(wall_time time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] inline wall_time from_unix_ms(std::int64_t ms) {
  return wall_time(milliseconds(ms));
}

}  // namespace throughline
