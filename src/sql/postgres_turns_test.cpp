#include "sql/postgres_turns.hpp"

#include <gtest/gtest.h>

#include <map>

#include "aio/event_loop.hpp"

namespace throughline::sql {
namespace {

class postgres_turns_test : public ::testing::Test {
 protected:
  /// `name`: of the group, a slash, and which one it is; without a slash it has no group.
  pooled_transaction make(const std::string& name) {
    pooled_transaction out{{}, aio::one_shot<result<void>>(loop_), {}, {}, {}, {}};
    const auto slash = name.find('/');
    if (slash != std::string::npos) out.group = name.substr(0, slash);
    names_[out.give_up = steady_time(steady_time::duration(names_.size() + 1))] = name;
    return out;
  }
  void push(const std::string& name) { waiting.push(make(name)); }
  std::string names(const std::vector<pooled_transaction>& all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "" : " ") + names_.at(one.give_up);
    return out;
  }
  std::string take() { return names(waiting.take()); }

  postgres_turns waiting{3};

 private:
  aio::event_loop loop_;
  std::map<steady_time, std::string> names_;
};

TEST_F(postgres_turns_test, without_a_group_each_has_its_turn) {
  push("x");
  push("y");
  EXPECT_EQ(waiting.turns(), 2U);
  EXPECT_EQ(take(), "x");
  waiting.release("");
  EXPECT_EQ(take(), "y");
  EXPECT_FALSE(waiting.has_turn());
}

TEST_F(postgres_turns_test, a_group_has_one_turn_where_its_first_one_stands) {
  push("a/1");
  push("x");
  push("a/2");
  EXPECT_EQ(waiting.turns(), 2U);
  EXPECT_EQ(waiting.size(), 3U);
  EXPECT_EQ(take(), "a/1 a/2");
  EXPECT_EQ(take(), "x");
}

TEST_F(postgres_turns_test, while_it_is_taken_the_next_ones_gather) {
  push("a/1");
  EXPECT_EQ(take(), "a/1");
  push("a/2");
  push("b/1");
  push("a/3");
  EXPECT_EQ(waiting.size(), 3U);
  EXPECT_EQ(take(), "b/1");
  EXPECT_FALSE(waiting.has_turn()) << "those of a wait for its release";
  waiting.release("b");
  EXPECT_FALSE(waiting.has_turn());
  waiting.release("a");
  EXPECT_EQ(take(), "a/2 a/3");
  waiting.release("a");
  EXPECT_FALSE(waiting.has_turn());
  push("a/4");
  EXPECT_EQ(take(), "a/4") << "a group that was forgotten begins anew";
}

TEST_F(postgres_turns_test, a_turn_is_bounded_and_the_rest_goes_behind_the_others) {
  for (int i = 1; i <= 4; ++i) push("a/" + std::to_string(i));
  push("b/1");
  EXPECT_EQ(take(), "a/1 a/2 a/3");
  waiting.release("a");
  EXPECT_EQ(take(), "b/1");
  EXPECT_EQ(take(), "a/4");
}

TEST_F(postgres_turns_test, what_is_to_run_again_is_first_and_in_its_order) {
  push("a/1");
  push("a/2");
  auto again = waiting.take();
  push("a/3");
  push("x");
  waiting.push_front(std::move(again));
  waiting.release("a");
  EXPECT_EQ(take(), "x") << "the turn of a group that was taken is behind those that waited";
  EXPECT_EQ(take(), "a/1 a/2 a/3");
  push("y");
  std::vector<pooled_transaction> single;
  single.push_back(make("z"));
  waiting.push_front(std::move(single));
  EXPECT_EQ(take(), "z");
}

TEST_F(postgres_turns_test, whoever_leaves_is_given_back_also_where_a_group_gathers) {
  push("a/1");
  EXPECT_EQ(take(), "a/1");
  push("a/2");
  push("b/1");
  push("b/2");
  push("x");
  auto left = waiting.remove_if([](const pooled_transaction& one) { return one.group != "b"; });
  EXPECT_EQ(left.size(), 2U);
  EXPECT_EQ(waiting.size(), 2U);
  left = waiting.remove_if([](const pooled_transaction&) { return true; });
  EXPECT_EQ(left.size(), 2U);
  EXPECT_FALSE(waiting.has_turn());
  EXPECT_EQ(waiting.size(), 0U);
  waiting.release("a");
  push("b/3");
  EXPECT_EQ(take(), "b/3");
}

}  // namespace
}  // namespace throughline::sql
