#include "chaos/rules.hpp"

#include <gtest/gtest.h>

namespace throughline::chaos {
namespace {

TEST(chaos_rules, nothing_is_no_rules) {
  EXPECT_EQ(*parse_rules(""), rules{});
  EXPECT_EQ(*parse_rules(" \r\n"), rules{});
}

TEST(chaos_rules, a_name_alone_counts_for_both_directions_and_the_last_word_counts) {
  const auto parsed =
      *parse_rules("delay_ms=50 jitter_ms=20 up.bytes_per_s=100  split_bytes=1 up.delay_ms=7");
  EXPECT_EQ(parsed.up.delay, milliseconds(7));
  EXPECT_EQ(parsed.down.delay, milliseconds(50));
  EXPECT_EQ(parsed.up.jitter, milliseconds(20));
  EXPECT_EQ(parsed.up.bytes_per_s, 100U);
  EXPECT_EQ(parsed.down.bytes_per_s, 0U);
  EXPECT_EQ(parsed.down.split_bytes, 1U);
  EXPECT_FALSE(parsed.rst);
}

TEST(chaos_rules, cuts_are_at_a_byte_or_in_a_range) {
  const auto parsed =
      *parse_rules("down.cut_after_bytes=1..500 up.cut_after_bytes=0 rst=1 blackhole=0");
  EXPECT_EQ(parsed.down.cut_after, (byte_range{1, 500}));
  EXPECT_EQ(parsed.up.cut_after, (byte_range{0, 0}));
  EXPECT_TRUE(parsed.rst);
  EXPECT_FALSE(parsed.blackhole);
}

TEST(chaos_rules, what_is_no_rule_is_named) {
  for (const auto* const wrong :
       {"delay_ms", "delay_ms=", "delay_ms=-1", "delay_ms=1.5", "delay_ms=99999999999", "delay=5",
        "left.delay_ms=5", "up.rst=1", "rst=2", "rst=yes", "cut_after_bytes=5..1",
        "cut_after_bytes=..", "cut_after_bytes=1..2..3", "split_bytes=18446744073709551616", "=",
        "="
        "1"}) {
    const auto parsed = parse_rules(std::string("bytes_per_s=1 ") + wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, errc::invalid_request);
    EXPECT_NE(parsed.error().detail.find(wrong), std::string::npos) << parsed.error().detail;
  }
}

}  // namespace
}  // namespace throughline::chaos
