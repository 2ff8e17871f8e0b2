#include "aio/backoff.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace throughline::aio {
namespace {

using namespace std::chrono_literals;

class fixed_random final : public random_source {
 public:
  explicit fixed_random(double value) : value_(value) {}
  double uniform() override { return value_; }

 private:
  double value_;
};

constexpr double almost_one = 1.0 - std::numeric_limits<double>::epsilon();

std::chrono::milliseconds longest(const backoff& policy, int failures) {
  fixed_random high(almost_one);
  return policy.delay(failures, high);
}

TEST(backoff, doubles_its_bound_until_it_is_the_greatest) {
  const backoff policy{500ms, 30s};
  EXPECT_EQ(longest(policy, 1), 500ms);
  EXPECT_EQ(longest(policy, 2), 1s);
  EXPECT_EQ(longest(policy, 3), 2s);
  EXPECT_EQ(longest(policy, 6), 16s);
  EXPECT_EQ(longest(policy, 7), 30s);
  EXPECT_EQ(longest(policy, 8), 30s);
  EXPECT_EQ(longest(policy, std::numeric_limits<int>::max()), 30s);
}

TEST(backoff, may_be_nothing_at_all) {
  fixed_random low(0.0);
  for (const int failures : {1, 2, 10, 1000}) EXPECT_EQ((backoff{}.delay(failures, low)), 0ms);
}

TEST(backoff, is_spread_evenly) {
  fixed_random half(0.5);
  EXPECT_EQ((backoff{1000ms, 8s}.delay(3, half)), 2000ms);
}

TEST(backoff, reaches_a_far_bound_from_a_small_start_without_overflowing) {
  const auto day = std::chrono::milliseconds(24h);
  EXPECT_EQ(longest(backoff{1ms, day}, 28), day);
  EXPECT_EQ(longest(backoff{1ms, day}, 27), 1ms * (1 << 26));
  EXPECT_EQ(longest(backoff{day, day * 365}, 1'000'000), day * 365);
}

TEST(backoff, never_exceeds_the_greatest_even_at_first) {
  EXPECT_EQ(longest(backoff{10s, 3s}, 1), 3s);
  EXPECT_EQ(longest(backoff{10s, 3s}, 5), 3s);
}

TEST(backoff, takes_no_failure_for_the_first) {
  EXPECT_EQ(longest(backoff{500ms, 30s}, 0), 500ms);
}

TEST(backoff, stays_within_its_bounds_by_the_systems_randomness) {
  const backoff policy{100ms, 400ms};
  for (int failures = 1; failures < 6; ++failures) {
    const auto bound = longest(policy, failures);
    for (int i = 0; i < 1000; ++i) {
      const auto delay = policy.delay(failures, system_random());
      ASSERT_GE(delay, 0ms);
      ASSERT_LE(delay, bound);
    }
  }
}

}  // namespace
}  // namespace throughline::aio
