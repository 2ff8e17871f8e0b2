#include "aio/task_group.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "aio/loop_fixture.hpp"

namespace throughline::aio {
namespace {

class task_group_test : public loop_test {
 public:
  /// Suspends for ever; says when it began and when its frame has died.
  static awaitable<> linger(int& begun, int& died) {
    const auto mark = std::shared_ptr<void>(nullptr, [&died](void*) { ++died; });
    ++begun;
    co_await sleep_until(steady_time::max());
    ADD_FAILURE() << "the end of time";
  }

  static awaitable<> wait_for(std::shared_ptr<bell> door, bool& passed) {
    co_await door->wait_uncancelled();
    passed = true;
  }

  static awaitable<> stop_and_mark(task_group& group, bool& stopped) {
    co_await group.stop();
    stopped = true;
  }

  static awaitable<> join_and_mark(task_group& group, bool& joined) {
    co_await group.join();
    joined = true;
  }

  int begun_ = 0;
  int died_ = 0;
};

TEST_F(task_group_test, stop_cancels_all_and_returns_when_all_are_gone) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    for (int i = 0; i < 100; ++i) group.spawn("linger", linger(begun_, died_));
    co_await until([this] { return begun_ == 100; });
    EXPECT_EQ(group.size(), 100U);
    EXPECT_EQ(died_, 0);
    co_await group.stop();
    EXPECT_EQ(died_, 100);
    EXPECT_EQ(group.size(), 0U);
  };
  run(body());
}

TEST_F(task_group_test, stop_cancels_what_has_been_spawned_a_moment_ago) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    group.spawn("linger", linger(begun_, died_));
    co_await group.stop();
    EXPECT_EQ(begun_, died_);
  };
  run(body());
}

TEST_F(task_group_test, stop_waits_for_one_that_cannot_be_cancelled) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    task_group others(loop_);
    const auto door = bell::create(loop_);
    bool passed = false;
    bool stopped = false;
    group.spawn("stubborn", wait_for(door, passed));
    others.spawn("stop", stop_and_mark(group, stopped));
    co_await settle();
    EXPECT_FALSE(stopped);
    EXPECT_EQ(group.size(), 1U);
    door->ring();
    co_await others.join();
    EXPECT_TRUE(passed);
    EXPECT_TRUE(stopped);
  };
  run(body());
}

TEST_F(task_group_test, stop_goes_on_when_its_caller_is_cancelled) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    task_group others(loop_);
    const auto door = bell::create(loop_);
    bool passed = false;
    bool stopped = false;
    group.spawn("stubborn", wait_for(door, passed));
    const auto cancel = others.spawn("stop", stop_and_mark(group, stopped));
    co_await settle();
    cancel();
    co_await settle();
    EXPECT_EQ(others.size(), 1U);
    door->ring();
    co_await others.join();
    EXPECT_TRUE(stopped);
    EXPECT_EQ(group.size(), 0U);
  };
  run(body());
}

// The last one ends, another is spawned before the joiner has been resumed, and the joiner is
// cancelled in the same moment.
TEST_F(task_group_test, join_survives_a_cancellation_between_two_generations) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    task_group others(loop_);
    const auto first = bell::create(loop_);
    const auto second = bell::create(loop_);
    bool first_passed = false;
    bool second_passed = false;
    bool joined = false;
    group.spawn("first", wait_for(first, first_passed));
    const auto cancel = others.spawn("join", join_and_mark(group, joined));
    first->ring();
    co_await until([&] { return group.size() == 0; });
    group.spawn("second", wait_for(second, second_passed));
    cancel();
    co_await settle();
    EXPECT_FALSE(joined);
    EXPECT_EQ(others.size(), 1U);
    second->ring();
    co_await others.join();
    EXPECT_TRUE(joined);
    EXPECT_TRUE(second_passed);
  };
  run(body());
}

TEST_F(task_group_test, stop_may_be_called_by_several_and_again) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    task_group others(loop_);
    const auto door = bell::create(loop_);
    bool passed = false;
    bool stopped[3] = {};
    group.spawn("stubborn", wait_for(door, passed));
    for (bool& one : stopped) others.spawn("stop", stop_and_mark(group, one));
    co_await settle();
    door->ring();
    co_await others.join();
    for (const bool one : stopped) EXPECT_TRUE(one);
    co_await group.stop();
    co_await group.stop();
  };
  run(body());
}

TEST_F(task_group_test, several_waiters_do_not_keep_the_loop_busy) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    task_group others(loop_);
    const auto door = bell::create(loop_);
    bool passed = false;
    bool joined[2] = {};
    group.spawn("stubborn", wait_for(door, passed));
    for (bool& one : joined) others.spawn("join", join_and_mark(group, one));
    co_await settle();
    // This coroutine is the one that runs: nothing else may be ready.
    EXPECT_EQ(loop_.context().poll(), 0U);
    door->ring();
    co_await others.join();
  };
  run(body());
}

TEST_F(task_group_test, drops_unrun_what_is_spawned_after_stop) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    co_await group.stop();
    bool argument_died = false;
    const auto late = [](death_mark, int& begun) -> awaitable<> {
      ++begun;
      co_return;
    };
    const auto cancel = group.spawn("late", late(death_mark(argument_died), begun_));
    EXPECT_TRUE(argument_died);
    EXPECT_EQ(group.size(), 0U);
    cancel();
    co_await settle();
    EXPECT_EQ(begun_, 0);
  };
  run(body());
}

TEST_F(task_group_test, a_canceller_cancels_its_own_and_no_other) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int first_died = 0;
    int second_died = 0;
    const auto cancel = group.spawn("first", linger(begun_, first_died));
    group.spawn("second", linger(begun_, second_died));
    co_await until([this] { return begun_ == 2; });
    cancel();
    co_await until([&] { return group.size() == 1; });
    EXPECT_EQ(first_died, 1);
    EXPECT_EQ(second_died, 0);
    cancel();
    cancel();
    co_await settle();
    EXPECT_EQ(group.size(), 1U);
    co_await group.stop();
    EXPECT_EQ(second_died, 1);
  };
  run(body());
}

TEST_F(task_group_test, a_canceller_may_outlive_the_group) {
  task_group::canceller cancel;
  const auto body = [&]() -> awaitable<> {
    auto group = std::make_unique<task_group>(loop_);
    cancel = group->spawn("linger", linger(begun_, died_));
    co_await group->stop();
    group.reset();
    cancel();
  };
  run(body());
  cancel();
}

TEST_F(task_group_test, one_may_cancel_itself_and_its_siblings) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    std::vector<task_group::canceller> cancellers;
    for (int i = 0; i < 3; ++i) {
      const auto one = [](task_group_test& test, std::vector<task_group::canceller>& all,
                          bool leads) -> awaitable<> {
        const executor here = test.loop_.get_executor();
        co_await asio::post(here, use_awaitable);
        if (leads) {
          for (const auto& cancel : all) cancel();
        }
        co_await linger(test.begun_, test.died_);
      };
      cancellers.push_back(group.spawn("one", one(*this, cancellers, i == 1)));
    }
    co_await group.join();
    EXPECT_EQ(begun_, died_);
  };
  run(body());
}

TEST_F(task_group_test, join_waits_for_what_is_spawned_meanwhile) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int ended = 0;
    struct generations {
      static awaitable<> run(task_group& group, executor here, int left, int& ended) {
        co_await asio::post(here, use_awaitable);
        if (left > 0) group.spawn("next", run(group, here, left - 1, ended));
        co_await asio::post(here, use_awaitable);
        ++ended;
      }
    };
    group.spawn("first", generations::run(group, loop_.get_executor(), 9, ended));
    co_await group.join();
    EXPECT_EQ(ended, 10);
  };
  run(body());
}

TEST_F(task_group_test, join_of_an_empty_group_returns_at_once) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    co_await group.join();
    const auto nothing = []() -> awaitable<> {
      co_return;
    };
    group.spawn("nothing", nothing());
    co_await group.join();
    EXPECT_EQ(group.size(), 0U);
  };
  run(body());
}

TEST_F(task_group_test, restores_how_its_caller_takes_cancellation) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    co_await group.stop();
    const bool throws_as_ever = co_await asio::this_coro::throw_if_cancelled();
    EXPECT_TRUE(throws_as_ever);
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await group.stop();
    const bool throws_again = co_await asio::this_coro::throw_if_cancelled();
    EXPECT_FALSE(throws_again);
  };
  run(body());
}

// What a coroutine does that owns a group and has been cancelled itself.
TEST_F(task_group_test, can_be_stopped_in_a_cancelled_coroutine) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    bool cleaned = false;
    const auto owner = [](task_group_test& test, bool& done) -> awaitable<> {
      task_group own(test.loop_);
      own.spawn("linger", linger(test.begun_, test.died_));
      try {
        co_await sleep_until(steady_time::max());
      } catch (const boost::system::system_error&) {
      }
      co_await asio::this_coro::throw_if_cancelled(false);
      co_await own.stop();
      done = true;
    };
    group.spawn("owner", owner(*this, cleaned));
    co_await until([this] { return begun_ == 1; });
    co_await group.stop();
    EXPECT_TRUE(cleaned);
    EXPECT_EQ(died_, 1);
  };
  run(body());
}

using task_group_death_test = task_group_test;

TEST_F(task_group_death_test, ends_the_process_when_one_ends_by_an_exception) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto broken = [](bool waits, executor here) -> awaitable<> {
    if (waits) co_await asio::post(here, use_awaitable);
    throw std::runtime_error("no such row");
  };
  for (const bool waits : {false, true}) {
    const auto body = [&]() -> awaitable<> {
      task_group group(loop_);
      group.spawn("broken one", broken(waits, loop_.get_executor()));
      co_await group.join();
    };
    EXPECT_DEATH(run(body()), "a task ended by an exception.*broken one.*no such row");
  }
}

TEST_F(task_group_death_test, must_be_empty_when_it_dies) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto body = [&]() -> awaitable<> {
    task_group group(loop_);
    group.spawn("linger", linger(begun_, died_));
    co_return;
  };
  EXPECT_DEATH(run(body()), "broken invariant: running_.empty");
}

}  // namespace
}  // namespace throughline::aio
