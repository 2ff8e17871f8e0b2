#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace throughline {
namespace {

TEST(assertion, lets_a_kept_invariant_pass_and_evaluates_it_once) {
  int evaluated = 0;
  THROUGHLINE_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(assertion_death_test, ends_the_process_and_names_the_broken_one) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const bool the_moon_is_cheese = false;
  EXPECT_DEATH(THROUGHLINE_ASSERT(the_moon_is_cheese),
               "broken invariant: the_moon_is_cheese .*assert_test.cpp");
}

}  // namespace
}  // namespace throughline
