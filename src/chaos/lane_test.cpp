#include "chaos/lane.hpp"

#include <gtest/gtest.h>

namespace throughline::chaos {
namespace {

class fixed_random final : public random_source {
 public:
  double uniform() override { return value; }
  double value = 0;
};

class chaos_lane : public testing::Test {
 public:
  lane make(std::string_view how) { return {parse_rules(how)->up, bytes_max, random_}; }

  /// Everything that may leave now.
  std::string drain(lane& from) {
    std::string all;
    for (auto step = from.next(now_); step.what == lane::action::write; step = from.next(now_)) {
      all += step.bytes;
      from.wrote(step.bytes.size(), now_);
    }
    return all;
  }
  lane::action next(const lane& of) const { return of.next(now_).what; }

  static constexpr std::size_t bytes_max = 64 * 1024;
  fixed_random random_;
  steady_time now_{std::chrono::hours(1)};
};

using enum lane::action;

TEST_F(chaos_lane, passes_what_comes_as_it_comes) {
  auto line = make("");
  EXPECT_EQ(next(line), wait);
  line.push("one", now_);
  line.push("two", now_);
  EXPECT_EQ(line.next(now_).bytes, "one");
  EXPECT_EQ(drain(line), "onetwo");
  EXPECT_EQ(line.written(), 6U);
  line.end(lane::ending::closed, now_);
  EXPECT_EQ(next(line), finish);
}

TEST_F(chaos_lane, goes_on_behind_a_part_that_was_written) {
  auto line = make("");
  line.push("abcdef", now_);
  line.wrote(2, now_);
  EXPECT_EQ(line.next(now_).bytes, "cdef");
  EXPECT_EQ(line.room(), bytes_max - 4);
}

TEST_F(chaos_lane, delays_each_piece_and_the_end) {
  auto line = make("delay_ms=100");
  line.push("a", now_);
  const auto first = now_ + milliseconds(100);
  EXPECT_EQ(next(line), wait);
  EXPECT_EQ(line.next(now_).until, first);
  now_ += milliseconds(60);
  line.push("b", now_);
  line.end(lane::ending::closed, now_);
  now_ = first;
  EXPECT_EQ(drain(line), "a");
  now_ += milliseconds(60);
  EXPECT_EQ(drain(line), "b");
  EXPECT_EQ(next(line), finish);
}

TEST_F(chaos_lane, jitter_never_changes_the_order) {
  auto line = make("delay_ms=10 jitter_ms=100");
  random_.value = 0.9;
  line.push("slow", now_);
  random_.value = 0;
  line.push("fast", now_);
  line.end(lane::ending::broken, now_);
  now_ += milliseconds(99);
  EXPECT_EQ(drain(line), "");
  EXPECT_EQ(next(line), wait);
  now_ += milliseconds(1);
  EXPECT_EQ(drain(line), "slowfast");
  EXPECT_EQ(next(line), lane::action::abort);
}

TEST_F(chaos_lane, keeps_to_its_rate) {
  auto line = make("bytes_per_s=1000");
  line.push(std::string(5000, 'x'), now_);
  std::size_t passed = 0;
  const auto start = now_;
  while (passed < 5000) {
    passed += drain(line).size();
    EXPECT_LE(passed, 20 + std::chrono::duration_cast<milliseconds>(now_ - start).count());
    if (passed < 5000) now_ = line.next(now_).until;
  }
  EXPECT_EQ(now_ - start, milliseconds(4980));
}

TEST_F(chaos_lane, splits_into_single_bytes) {
  auto line = make("split_bytes=1");
  line.push("abc", now_);
  for (const auto* const one : {"a", "b", "c"}) {
    EXPECT_EQ(line.next(now_).bytes, one);
    line.wrote(1, now_);
  }
}

TEST_F(chaos_lane, cuts_right_behind_a_byte) {
  auto line = make("cut_after_bytes=4");
  EXPECT_EQ(next(line), wait);
  line.push("abc", now_);
  EXPECT_EQ(drain(line), "abc");
  EXPECT_EQ(next(line), wait);
  line.push("def", now_);
  EXPECT_EQ(drain(line), "d");
  EXPECT_EQ(next(line), cut);
}

TEST_F(chaos_lane, cuts_before_the_first_byte_when_it_comes) {
  auto line = make("cut_after_bytes=0");
  EXPECT_EQ(next(line), wait);
  line.push("abc", now_);
  EXPECT_EQ(next(line), cut);
}

TEST_F(chaos_lane, a_cut_that_has_passed_cuts_at_once) {
  auto line = make("");
  line.push("abcdef", now_);
  EXPECT_EQ(drain(line), "abcdef");
  line.apply(parse_rules("cut_after_bytes=3")->up);
  EXPECT_EQ(next(line), cut);
  line.apply({});
  EXPECT_EQ(next(line), wait);
}

TEST_F(chaos_lane, draws_its_cut_from_a_range) {
  for (const auto& [drawn, place] :
       {std::pair(0.0, 10), std::pair(0.5, 15), std::pair(0.999, 20)}) {
    random_.value = drawn;
    auto line = make("cut_after_bytes=10..20");
    line.push(std::string(100, 'x'), now_);
    EXPECT_EQ(drain(line).size(), static_cast<std::size_t>(place));
  }
}

}  // namespace
}  // namespace throughline::chaos
