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

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool fits = shape[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == shape[i];
    if (!fits) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  // A leap second, 60, is the first moment of the next minute.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return wall_time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + seconds(second) + milliseconds(number(20, 3));
}

}  // namespace throughline
