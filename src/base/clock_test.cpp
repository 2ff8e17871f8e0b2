#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace throughline {
namespace {

TEST(rfc3339, is_written_in_utc_with_milliseconds) {
  EXPECT_EQ(format_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(1'795'197'784'123)), "2026-11-20T18:03:04.123Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(1'709'164'800'007)), "2024-02-29T00:00:00.007Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(253'402'300'799'999)), "9999-12-31T23:59:59.999Z");
}

TEST(system_clock, does_not_go_back) {
  auto wall = system_clock().wall_now();
  auto steady = system_clock().steady_now();
  for (int i = 0; i < 10'000; ++i) {
    const auto next_wall = system_clock().wall_now();
    const auto next_steady = system_clock().steady_now();
    ASSERT_LE(wall, next_wall);
    ASSERT_LE(steady, next_steady);
    wall = next_wall;
    steady = next_steady;
  }
}

TEST(system_clock, tells_the_machines_time) {
  const auto machine = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const auto difference = system_clock().wall_now() - machine;
  EXPECT_LT(std::chrono::abs(difference), std::chrono::minutes(10));
}

}  // namespace
}  // namespace throughline
