#include "base/clock.hpp"

#include <fmt/format.h>

namespace throughline {
namespace {

class machine_clock final : public clock {
 public:
  wall_time wall_now() const override {
    return anchor_wall_ + std::chrono::duration_cast<milliseconds>(steady_now() - anchor_steady_);
  }
  steady_time steady_now() const override { return std::chrono::steady_clock::now(); }

 private:
  wall_time anchor_wall_ =
      std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  steady_time anchor_steady_ = std::chrono::steady_clock::now();
};

}  // namespace

clock& system_clock() {
  static machine_clock instance;
  return instance;
}

std::string format_rfc3339(wall_time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock_time(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock_time.hours().count(), clock_time.minutes().count(),
                     clock_time.seconds().count(), clock_time.subseconds().count());
}

}  // namespace throughline
