#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

#include "aio/loop_fixture.hpp"
#include "aio/one_shot.hpp"
#include "aio/task_group.hpp"

namespace throughline::aio {
namespace {

struct not_default {
  explicit not_default(std::unique_ptr<std::string> text_) : text(std::move(text_)) {}
  std::unique_ptr<std::string> text;
};

class run_on_test : public loop_test {
 protected:
  event_loops others_{2, "other"};
};

TEST_F(run_on_test, runs_there_and_comes_back_here) {
  const auto body = [this]() -> awaitable<> {
    for (int i = 0; i < 200; ++i) {
      event_loop& there = others_.next();
      const auto work = [](event_loop& expected, int number) -> awaitable<std::string> {
        EXPECT_TRUE(expected.is_current());
        const executor here = expected.get_executor();
        co_await asio::post(here, use_awaitable);
        EXPECT_TRUE(expected.is_current());
        co_return std::to_string(number);
      };
      const std::string text = co_await run_on(there, work(there, i));
      EXPECT_EQ(text, std::to_string(i));
      EXPECT_TRUE(loop_.is_current());
    }
  };
  run(body());
}

TEST_F(run_on_test, brings_back_nothing_and_values_that_only_move) {
  const auto body = [this]() -> awaitable<> {
    std::atomic<bool> ran = false;
    const auto nothing = [](std::atomic<bool>& flag) -> awaitable<> {
      flag = true;
      co_return;
    };
    co_await run_on(others_[0], nothing(ran));
    EXPECT_TRUE(ran);
    EXPECT_TRUE(loop_.is_current());
    const auto moving = []() -> awaitable<not_default> {
      co_return not_default(std::make_unique<std::string>("moved"));
    };
    const not_default value = co_await run_on(others_[1], moving());
    EXPECT_EQ(*value.text, "moved");
  };
  run(body());
}

TEST_F(run_on_test, runs_on_the_callers_own_loop_too) {
  const auto body = [this]() -> awaitable<> {
    const auto work = [](event_loop& expected) -> awaitable<int> {
      EXPECT_TRUE(expected.is_current());
      co_return 7;
    };
    const int value = co_await run_on(loop_, work(loop_));
    EXPECT_EQ(value, 7);
  };
  run(body());
}

TEST_F(run_on_test, throws_here_what_was_thrown_there) {
  const auto body = [this]() -> awaitable<> {
    const auto broken = []() -> awaitable<int> {
      throw std::runtime_error("there");
      co_return 0;
    };
    std::string what;
    try {
      co_await run_on(others_[0], broken());
    } catch (const std::runtime_error& failure) {
      what = failure.what();
    }
    EXPECT_EQ(what, "there");
    EXPECT_TRUE(loop_.is_current());
  };
  run(body());
}

TEST_F(run_on_test, does_not_end_early_when_the_caller_is_cancelled) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    const auto door = bell::create(others_[0]);
    std::atomic<bool> waiting = false;
    int got = 0;
    bool seen = false;
    const auto caller = [](event_loop& there, std::shared_ptr<bell> until, std::atomic<bool>& begun,
                           int& value, bool& cancelled) -> awaitable<> {
      const auto work = [](std::shared_ptr<bell> ring, std::atomic<bool>& flag) -> awaitable<int> {
        flag = true;
        co_await ring->wait();
        co_return 7;
      };
      value = co_await run_on(there, work(std::move(until), begun));
      try {
        co_await sleep_until(steady_time::max());
      } catch (const boost::system::system_error&) {
        cancelled = true;
      }
    };
    const auto cancel = group.spawn("caller", caller(others_[0], door, waiting, got, seen));
    co_await until([&] { return waiting.load(); });
    cancel();
    co_await settle();
    EXPECT_EQ(group.size(), 1U);
    EXPECT_EQ(got, 0);
    door->ring();
    co_await group.join();
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(seen);
  };
  run(body());
}

class one_shot_test : public run_on_test {};

TEST_F(one_shot_test, brings_a_value_from_another_thread) {
  const auto body = [this]() -> awaitable<> {
    for (int i = 0; i < 200; ++i) {
      const one_shot<std::unique_ptr<int>> answer(loop_);
      others_.next().post([answer, i] { answer.set(std::make_unique<int>(i)); });
      const auto value = co_await answer.get();
      EXPECT_EQ(*value, i);
      EXPECT_TRUE(loop_.is_current());
    }
  };
  run(body());
}

TEST_F(one_shot_test, keeps_a_value_that_came_first) {
  const auto body = [this]() -> awaitable<> {
    const one_shot<std::string> answer(loop_);
    answer.set("early");
    const auto value = co_await answer.get();
    EXPECT_EQ(value, "early");
  };
  run(body());
}

TEST_F(one_shot_test, may_be_dropped_by_its_reader_or_by_its_writer) {
  const auto body = [this]() -> awaitable<> {
    for (int i = 0; i < 200; ++i) {
      auto answer = std::make_unique<one_shot<std::string>>(loop_);
      others_.next().post([copy = *answer] { copy.set("nobody waits"); });
      answer.reset();
    }
    // Every loop has done all of that when it has done what was posted after it.
    for (std::size_t i = 0; i < others_.size(); ++i) {
      const one_shot<int> last(loop_);
      others_[i].post([last] { last.set(1); });
      co_await last.get();
    }
  };
  run(body());
}

TEST_F(one_shot_test, gives_its_value_to_one_that_was_cancelled_meanwhile) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    const one_shot<int> answer(loop_);
    int got = 0;
    bool seen = false;
    const auto reader = [](one_shot<int> source, int& value, bool& cancelled) -> awaitable<> {
      value = co_await source.get();
      try {
        co_await sleep_until(steady_time::max());
      } catch (const boost::system::system_error&) {
        cancelled = true;
      }
    };
    const auto cancel = group.spawn("reader", reader(answer, got, seen));
    co_await settle();
    cancel();
    co_await settle();
    EXPECT_EQ(group.size(), 1U);
    others_[0].post([answer] { answer.set(7); });
    co_await group.join();
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(seen);
  };
  run(body());
}

TEST_F(one_shot_test, lets_a_cancelled_reader_go_if_it_may) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    const one_shot<int> answer(loop_);
    bool returned = false;
    bool aborted = false;
    const auto reader = [](one_shot<int> source, bool& got, bool& cancelled) -> awaitable<> {
      try {
        co_await source.get_unless_cancelled();
        got = true;
      } catch (const boost::system::system_error& failure) {
        cancelled = failure.code() == asio::error::operation_aborted;
      }
    };
    const auto cancel = group.spawn("reader", reader(answer, returned, aborted));
    co_await settle();
    cancel();
    co_await group.join();
    EXPECT_TRUE(aborted);
    EXPECT_FALSE(returned);
    // Nobody waits any more; the writer does not know.
    answer.set(7);

    const one_shot<int> other(loop_);
    others_[0].post([other] { other.set(8); });
    const int value = co_await other.get_unless_cancelled();
    EXPECT_EQ(value, 8);
  };
  run(body());
}

}  // namespace
}  // namespace throughline::aio
