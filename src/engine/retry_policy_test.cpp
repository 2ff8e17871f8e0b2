#include "engine/retry_policy.hpp"

#include <gtest/gtest.h>

namespace throughline::engine {
namespace {

class always : public random_source {
 public:
  explicit always(double value) : value_(value) {}
  double uniform() override { return value_; }

 private:
  double value_;
};

provider::completion_error failure(errc code) {
  return {fail(code, "why"), std::nullopt, std::nullopt};
}

TEST(retry_policy, tries_again_what_can_pass) {
  const retry_policy policy;
  always half(0.5);
  for (const errc code :
       {errc::provider_unreachable, errc::provider_unavailable, errc::provider_rate_limited,
        errc::provider_timeout, errc::provider_truncated}) {
    EXPECT_TRUE(policy.delay(failure(code), 0, 3, half)) << describe(code).code;
  }
  for (const errc code :
       {errc::provider_refused, errc::provider_unauthorized, errc::provider_missing}) {
    EXPECT_FALSE(policy.delay(failure(code), 0, 3, half)) << describe(code).code;
  }
}

TEST(retry_policy, stops_when_the_budget_is_spent) {
  const retry_policy policy;
  always half(0.5);
  EXPECT_TRUE(policy.delay(failure(errc::provider_timeout), 1, 3, half));
  EXPECT_FALSE(policy.delay(failure(errc::provider_timeout), 2, 3, half));
  EXPECT_FALSE(policy.delay(failure(errc::provider_timeout), 0, 1, half));
}

TEST(retry_policy, a_shortage_of_our_own_is_waited_for_however_long_it_lasts) {
  const retry_policy policy;
  always none(0.0);
  always half(0.5);
  EXPECT_EQ(policy.delay(failure(errc::overloaded), 2, 3, none), milliseconds(1000));
  EXPECT_EQ(policy.delay(failure(errc::overloaded), 50, 3, half), milliseconds(1500));
}

TEST(retry_policy, grows_with_the_failures_up_to_its_bound) {
  const retry_policy policy;
  always most(0.999999);
  EXPECT_LE(*policy.delay(failure(errc::provider_timeout), 0, 100, most), milliseconds(500));
  EXPECT_GT(*policy.delay(failure(errc::provider_timeout), 3, 100, most), milliseconds(3900));
  EXPECT_LE(*policy.delay(failure(errc::provider_timeout), 60, 100, most), milliseconds(30'000));
}

TEST(retry_policy, honours_what_the_provider_asks_for_within_reason) {
  const retry_policy policy;
  always none(0.0);
  auto asked = failure(errc::provider_rate_limited);
  asked.retry_after = milliseconds(7000);
  EXPECT_EQ(*policy.delay(asked, 0, 3, none), milliseconds(7000));
  asked.retry_after = milliseconds(1'000'000'000);
  EXPECT_EQ(*policy.delay(asked, 0, 3, none), policy.retry_after_max);
  asked.retryable = false;
  EXPECT_FALSE(policy.delay(asked, 0, 3, none));
  auto refused = failure(errc::provider_refused);
  refused.retryable = true;
  EXPECT_TRUE(policy.delay(refused, 0, 3, none));
}

}  // namespace
}  // namespace throughline::engine
