#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace throughline {
namespace {

TEST(rfc3339, is_written_in_utc_with_milliseconds) {
  EXPECT_EQ(format_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(1'795'197'784'123)), "2026-11-20T18:03:04.123Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(1'709'164'800'007)), "2024-02-29T00:00:00.007Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(rfc3339, comes_back_from_its_text) {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1'795'197'784'123}, std::int64_t{-1},
                                std::int64_t{951'782'399'999}, std::int64_t{253'402'300'799'999}}) {
    const auto text = format_rfc3339(from_unix_ms(ms));
    const auto back = parse_rfc3339(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(to_unix_ms(*back), ms) << text;
  }
}

TEST(rfc3339, takes_a_leap_second_for_the_next_minute) {
  const auto leap = parse_rfc3339("2016-12-31T23:59:60.000Z");
  ASSERT_TRUE(leap);
  EXPECT_EQ(format_rfc3339(*leap), "2017-01-01T00:00:00.000Z");
}

TEST(rfc3339, refuses_everything_else) {
  for (const std::string_view bad : {"",
                                     "2026-11-20",
                                     "2026-11-20T18:03:04Z",
                                     "2026-11-20T18:03:04.123",
                                     "2026-11-20T18:03:04.1234Z",
                                     "2026-11-20t18:03:04.123Z",
                                     "2026-11-20 18:03:04.123Z",
                                     "2026-11-20T18:03:04.123z",
                                     "2026-11-20T18:03:04,123Z",
                                     "2026/11/20T18:03:04.123Z",
                                     "2026-13-20T18:03:04.123Z",
                                     "2026-00-20T18:03:04.123Z",
                                     "2026-02-29T18:03:04.123Z",
                                     "2026-11-31T18:03:04.123Z",
                                     "2026-11-00T18:03:04.123Z",
                                     "2026-11-20T24:03:04.123Z",
                                     "2026-11-20T18:60:04.123Z",
                                     "2026-11-20T18:03:61.123Z",
                                     "2026-11-20T-1:03:04.123Z",
                                     "2026-11-20T+1:03:04.123Z",
                                     "2026-11-20T 1:03:04.123Z",
                                     "+026-11-20T18:03:04.123Z",
                                     " 026-11-20T18:03:04.123Z",
                                     "2026-11-20T18:03:04.-12Z",
                                     "2026-11-20T18:03:04.12xZ",
                                     "2026-11-20T18:03:04.123+00:00"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
  EXPECT_FALSE(parse_rfc3339(std::string_view("2026-11-20T18:03:04.12\0Z", 24)));
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
