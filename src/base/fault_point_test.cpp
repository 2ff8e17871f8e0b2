#include "base/fault_point.hpp"

#if THROUGHLINE_FAULT_POINTS

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace throughline {
namespace {

using testing::HasSubstr;

TEST(fault_point, is_armed_by_a_text) {
  const auto first = parse_fault_plan("finish.before_commit");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->point, "finish.before_commit");
  EXPECT_EQ(first->nth, 1);
  const auto third = parse_fault_plan("commit.after:3");
  ASSERT_TRUE(third);
  EXPECT_EQ(third->point, "commit.after");
  EXPECT_EQ(third->nth, 3);
}

TEST(fault_point, refuses_what_it_cannot_read) {
  const auto why = [](std::string_view text) {
    return parse_fault_plan(text).error().detail;
  };
  EXPECT_THAT(why("finish.befor_commit"), HasSubstr("no fault point 'finish.befor_commit'"));
  EXPECT_THAT(why(""), HasSubstr("no fault point ''"));
  for (const auto* const text : {"commit.after:", "commit.after:0", "commit.after:x",
                                 "commit.after:1:2", "commit.after:1000001"}) {
    EXPECT_THAT(why(text), HasSubstr("no number"));
  }
}

TEST(fault_point, kills_at_the_passing_that_was_asked_for) {
  EXPECT_EXIT(
      {
        ::setenv("THROUGHLINE_FAULT", "commit.after:3", 1);
        for (int passed = 1; passed <= 2; ++passed) fault_point("commit.after");
        fault_point("commit.before");
        std::fputs("still here\n", stderr);
        fault_point("commit.after");
        std::exit(0);
      },
      testing::KilledBySignal(SIGKILL), "still here\nfault point commit.after");
}

TEST(fault_point, ends_the_process_whose_plan_cannot_be_read) {
  EXPECT_EXIT(
      {
        ::setenv("THROUGHLINE_FAULT", "commit.aftr", 1);
        fault_point("commit.after");
        std::exit(0);
      },
      testing::ExitedWithCode(2), "there is no fault point 'commit.aftr'");
}

}  // namespace
}  // namespace throughline

#endif
