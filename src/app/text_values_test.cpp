#include "app/text_values.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

TEST(text_values, durations_have_units_and_seconds_are_the_default) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("3600"), milliseconds(3'600'000));
  EXPECT_EQ(parse_duration(" 5 M "), milliseconds(300'000));
  EXPECT_EQ(parse_duration("30d"), milliseconds(30LL * 86'400'000));
  for (const auto* bad : {"", "s", "-1s", "1.5s", "1w", "30 seconds", "9223372036854775807d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(text_values, sizes_know_both_kinds_of_units) {
  EXPECT_EQ(parse_bytes("1024"), 1024);
  EXPECT_EQ(parse_bytes("256MiB"), 256 * 1024 * 1024);
  EXPECT_EQ(parse_bytes("4 mib"), 4 * 1024 * 1024);
  EXPECT_EQ(parse_bytes("1M"), 1024 * 1024);
  EXPECT_EQ(parse_bytes("1MB"), 1'000'000);
  for (const auto* bad : {"", "MiB", "-1", "1.5M", "1TB", "9223372036854775807K"}) {
    EXPECT_EQ(parse_bytes(bad), std::nullopt) << bad;
  }
}

TEST(text_values, formatted_values_read_back_as_the_same) {
  for (const std::int64_t ms : {0, 1, 999, 1000, 90'000, 3'600'000, 86'400'000}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(ms))), milliseconds(ms));
  }
  EXPECT_EQ(format_duration(milliseconds(90'000)), "90s");
  EXPECT_EQ(format_bytes(256LL << 20), "256MiB");
  for (const std::int64_t bytes : {0LL, 1LL, 1000LL, 1024LL, 3LL << 30}) {
    EXPECT_EQ(parse_bytes(format_bytes(bytes)), bytes);
  }
}

TEST(text_values, switches_and_lists) {
  EXPECT_EQ(parse_switch("Yes"), true);
  EXPECT_EQ(parse_switch("off"), false);
  EXPECT_EQ(parse_switch("maybe"), std::nullopt);
  EXPECT_EQ(split_list(" a, b ,,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list(" , ").empty());
}

TEST(text_values, the_distance_counts_a_swap_as_one) {
  EXPECT_EQ(edit_distance("listen", "listen"), 0U);
  EXPECT_EQ(edit_distance("lisen", "listen"), 1U);
  EXPECT_EQ(edit_distance("lsiten", "listen"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

TEST(text_values, only_a_near_name_is_suggested) {
  const std::vector<std::string> known{"listen", "data-dir", "log-level"};
  EXPECT_EQ(closest("lisetn", known), "listen");
  EXPECT_EQ(closest("datadir", known), "data-dir");
  EXPECT_EQ(closest("banana", known), std::nullopt);
  EXPECT_EQ(suggestion("log-levle", known), "; did you mean \"log-level\"?");
}

}  // namespace
}  // namespace throughline::app
