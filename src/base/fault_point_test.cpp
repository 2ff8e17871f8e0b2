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
  const auto plans = parse_fault_plans("finish.before_commit:kill,heartbeat.before:delay-250:3+");
  ASSERT_TRUE(plans);
  ASSERT_EQ(plans->size(), 2U);
  EXPECT_EQ((*plans)[0].point, "finish.before_commit");
  EXPECT_EQ((*plans)[0].what, fault_plan::action::kill);
  EXPECT_EQ((*plans)[0].nth, 1);
  EXPECT_FALSE((*plans)[0].and_later);
  EXPECT_EQ((*plans)[1].what, fault_plan::action::delay);
  EXPECT_EQ((*plans)[1].delay_ms, 250);
  EXPECT_EQ((*plans)[1].nth, 3);
  EXPECT_TRUE((*plans)[1].and_later);
}

TEST(fault_point, refuses_what_it_cannot_read) {
  const auto why = [](std::string_view text) {
    return parse_fault_plans(text).error().detail;
  };
  EXPECT_THAT(why("finish.befor_commit:kill"), HasSubstr("no fault point 'finish.befor_commit'"));
  EXPECT_THAT(why("heartbeat.before:die"), HasSubstr("none of kill"));
  EXPECT_THAT(why("heartbeat.before:delay-"), HasSubstr("none of kill"));
  EXPECT_THAT(why("heartbeat.before:fail:0"), HasSubstr("no number"));
  EXPECT_THAT(why("heartbeat.before:fail:+"), HasSubstr("no number"));
}

TEST(fault_point, kills_at_the_passing_that_was_asked_for) {
  EXPECT_EXIT(
      {
        ::setenv("THROUGHLINE_FAULT", "commit.after:kill:3", 1);
        for (int passed = 1; passed <= 2; ++passed) fault_point("commit.after");
        fault_point("commit.before");
        std::fputs("still here\n", stderr);
        fault_point("commit.after");
        std::exit(0);
      },
      testing::KilledBySignal(SIGKILL), "still here");
}

TEST(fault_point, fails_from_a_passing_on) {
  EXPECT_EXIT(
      {
        ::setenv("THROUGHLINE_FAULT", "heartbeat.before:fail:2+", 1);
        const bool first = fault_point("heartbeat.before");
        const bool second = fault_point("heartbeat.before");
        const bool third = fault_point("heartbeat.before");
        std::exit(!first && second && third ? 0 : 1);
      },
      testing::ExitedWithCode(0), "heartbeat.before: fail");
}

}  // namespace
}  // namespace throughline

#endif
