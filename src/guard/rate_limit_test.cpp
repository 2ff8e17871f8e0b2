#include "guard/rate_limit.hpp"

#include <gtest/gtest.h>

namespace throughline::guard {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

const steady_time start{1000h};

TEST(token_bucket, gives_a_minutes_worth_at_once_and_then_one_at_a_time) {
  token_bucket bucket;
  for (int i = 0; i < 6; ++i) EXPECT_EQ(bucket.take(6, start), 0ns) << i;
  EXPECT_EQ(bucket.take(6, start), 10s);
  EXPECT_EQ(bucket.take(6, start + 4s), 6s);
  EXPECT_EQ(bucket.take(6, start + 10s), 0ns);
  EXPECT_EQ(bucket.take(6, start + 10s), 10s);
  EXPECT_EQ(bucket.take(6, start + 35s), 0ns);
  EXPECT_EQ(bucket.take(6, start + 35s), 0ns);
  EXPECT_EQ(bucket.take(6, start + 35s), 5s);
}

TEST(token_bucket, a_refusal_costs_nothing) {
  token_bucket bucket;
  EXPECT_EQ(bucket.take(1, start), 0ns);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bucket.take(1, start + 1s), 59s);
  EXPECT_EQ(bucket.take(1, start + 60s), 0ns);
}

TEST(token_bucket, is_full_again_after_a_minute_and_never_more_than_full) {
  token_bucket bucket;
  EXPECT_TRUE(bucket.is_full(start));
  EXPECT_EQ(bucket.take(2, start), 0ns);
  EXPECT_FALSE(bucket.is_full(start + 29s));
  EXPECT_TRUE(bucket.is_full(start + 30s));
  EXPECT_EQ(bucket.take(2, start + 24h), 0ns);
  EXPECT_EQ(bucket.take(2, start + 24h), 0ns);
  EXPECT_EQ(bucket.take(2, start + 24h), 30s);
}

TEST(rate_limit, counts_each_principal_for_itself) {
  rate_limit limit(1);
  EXPECT_EQ(limit.take("ada", start), 0ns);
  EXPECT_EQ(limit.take("ada", start), 60s);
  EXPECT_EQ(limit.take("bob", start), 0ns);
}

TEST(rate_limit, zero_is_no_limit) {
  rate_limit limit(0);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(limit.take("ada", start), 0ns);
}

TEST(rate_limit, forgets_full_buckets_only) {
  rate_limit limit(1);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(limit.take(std::to_string(i), start + std::chrono::milliseconds(i)), 0ns);
  }
  for (int i = 0; i < 5000; ++i) {
    ASSERT_GT(limit.take(std::to_string(i), start + 5s), 0ns) << i;
  }
}

}  // namespace
}  // namespace throughline::guard
