#include "base/descriptors.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace throughline {
namespace {

TEST(descriptors, are_counted) {
  const auto before = open_descriptors();
  const int one = ::dup(0);
  EXPECT_EQ(open_descriptors(), before + 1);
  ::close(one);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(descriptors, may_be_as_many_as_the_hard_limit_says) {
  rlimit given{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &given), 0);
  rlimit lowered = given;
  lowered.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
  const auto raised = raise_descriptor_limit();
  EXPECT_EQ(raised.before, 64U);
  EXPECT_EQ(raised.now, given.rlim_max);
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, given.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &given), 0);
}

}  // namespace
}  // namespace throughline
