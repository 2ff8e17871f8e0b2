#include "aio/bell.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "aio/loop_fixture.hpp"
#include "aio/task_group.hpp"

namespace throughline::aio {
namespace {

using namespace std::chrono_literals;

class bell_test : public loop_test {
 protected:
  static steady_time now() { return std::chrono::steady_clock::now(); }
  static constexpr steady_time past = steady_time::min();

  /// Waits and counts; `aborted` says that it was cancelled while it did.
  static awaitable<> count_rings(std::shared_ptr<bell> which, int& heard, bool& aborted) {
    try {
      while (true) {
        co_await which->wait();
        ++heard;
      }
    } catch (const boost::system::system_error& failure) {
      aborted = failure.code() == asio::error::operation_aborted;
    }
  }

  std::shared_ptr<bell> bell_ = bell::create(loop_);
};

TEST_F(bell_test, remembers_a_ring_that_came_before_the_wait) {
  const auto body = [this]() -> awaitable<> {
    bell_->ring();
    EXPECT_TRUE(bell_->is_rung());
    co_await bell_->wait();
    EXPECT_FALSE(bell_->is_rung());
    bell_->ring();
    const bool first = co_await bell_->wait_until(past);
    EXPECT_TRUE(first);
    const bool second = co_await bell_->wait_until(past);
    EXPECT_FALSE(second);
  };
  run(body());
}

TEST_F(bell_test, a_predicate_lets_the_waiter_sleep_on) {
  const auto body = [this]() -> awaitable<> {
    int looks = 0;
    const std::function<bool()> third = [&] {
      return ++looks == 3;
    };
    bell_->ring();  // before the wait: looked at as well
    for (int i = 1; i <= 2; ++i) {
      loop_.post([this] { loop_.post([this] { bell_->ring(); }); });
    }
    // The second ring of the loop may be one with the first.
    loop_.post([this] {
      loop_.post([this] { loop_.post([this] { loop_.post([this] { bell_->ring(); }); }); });
    });
    const bool is_rung = co_await bell_->wait_until(now() + 10s, third);
    EXPECT_TRUE(is_rung);
    EXPECT_EQ(looks, 3);
    // It is gone with its wait.
    bell_->ring();
    co_await bell_->wait();
    EXPECT_EQ(looks, 3);
  };
  run(body());
}

TEST_F(bell_test, a_predicate_that_never_holds_waits_until_the_deadline) {
  const auto body = [this]() -> awaitable<> {
    int looks = 0;
    const std::function<bool()> never = [&] {
      return ++looks < 0;
    };
    loop_.post([this] { bell_->ring(); });
    const bool is_rung = co_await bell_->wait_until(now() + 20ms, never);
    EXPECT_FALSE(is_rung);
    EXPECT_EQ(looks, 1);
  };
  run(body());
}

TEST_F(bell_test, a_predicate_may_ring_its_own_bell) {
  const auto body = [this]() -> awaitable<> {
    int looks = 0;
    const std::function<bool()> again = [&] {
      if (++looks < 5) bell_->ring();
      return looks == 5;
    };
    loop_.post([this] { bell_->ring(); });
    const bool is_rung = co_await bell_->wait_until(now() + 10s, again);
    EXPECT_TRUE(is_rung);
    EXPECT_EQ(looks, 5);
  };
  run(body());
}

TEST_F(bell_test, what_a_predicate_throws_is_thrown_by_the_wait) {
  const auto body = [this]() -> awaitable<> {
    const std::function<bool()> breaks = []() -> bool {
      throw std::out_of_range("seen");
    };
    bool thrown = false;
    loop_.post([this] { bell_->ring(); });
    try {
      [[maybe_unused]] const bool is_rung = co_await bell_->wait_until(now() + 10s, breaks);
    } catch (const std::out_of_range&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    bell_->ring();
    co_await bell_->wait();  // and the bell is as before
  };
  run(body());
}

TEST_F(bell_test, a_wait_whose_predicate_does_not_hold_can_be_cancelled) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int looks = 0;
    bool aborted = false;
    const auto waiter = [](std::shared_ptr<bell> which, int& looked,
                           bool& cancelled) -> awaitable<> {
      const std::function<bool()> never = [&] {
        return ++looked < 0;
      };
      try {
        [[maybe_unused]] const bool is_rung = co_await which->wait_until(steady_time::max(), never);
      } catch (const boost::system::system_error& failure) {
        cancelled = failure.code() == asio::error::operation_aborted;
      }
    };
    const auto cancel = group.spawn("waiter", waiter(bell_, looks, aborted));
    co_await settle();
    bell_->ring();
    co_await settle();
    EXPECT_EQ(looks, 1);
    EXPECT_EQ(group.size(), 1U);
    bell_->ring();
    cancel();
    co_await group.join();
    EXPECT_TRUE(aborted);
    EXPECT_EQ(looks, 2);
    bell_->ring();
    co_await bell_->wait();
    EXPECT_EQ(looks, 2) << "it is gone with its wait";
  };
  run(body());
}

class bell_deadline_test : public bell_test {
 protected:
  /// Rings when the deadline has passed already, and just before the waiter is told so.
  void ring_at(steady_time deadline) {
    ringer_.expires_at(deadline - 1us);
    ringer_.async_wait([this](const error_code&) {
      EXPECT_FALSE(bell_->is_rung());
      bell_->ring();
    });
    // Both timers have run out when the loop looks at them next.
    loop_.post([deadline] {
      while (now() <= deadline) std::this_thread::yield();
    });
  }
  timer ringer_{loop_.get_executor()};
};

TEST_F(bell_deadline_test, a_ring_together_with_the_deadline_is_heard_once) {
  const auto body = [this]() -> awaitable<> {
    const auto deadline = now() + 100ms;
    ring_at(deadline);
    const bool first = co_await bell_->wait_until(deadline);
    EXPECT_TRUE(first);
    EXPECT_GT(now(), deadline);
    EXPECT_FALSE(bell_->is_rung());
    // Its delivery is still to come.
    const auto next = now() + 5ms;
    const bool second = co_await bell_->wait_until(next);
    EXPECT_FALSE(second);
    EXPECT_GE(now(), next);
  };
  run(body());
}

TEST_F(bell_deadline_test, a_predicate_decides_about_a_ring_together_with_the_deadline) {
  const auto body = [this]() -> awaitable<> {
    for (const bool holds : {false, true}) {
      int looks = 0;
      const std::function<bool()> look = [&] {
        ++looks;
        return holds;
      };
      const auto deadline = now() + 100ms;
      ring_at(deadline);
      const bool is_rung = co_await bell_->wait_until(deadline, look);
      EXPECT_EQ(is_rung, holds);
      EXPECT_EQ(looks, 1);
      EXPECT_FALSE(bell_->is_rung());
    }
  };
  run(body());
}

TEST_F(bell_test, takes_many_rings_for_one) {
  const auto body = [this]() -> awaitable<> {
    for (int i = 0; i < 10; ++i) bell_->ring();
    const bool first = co_await bell_->wait_until(past);
    EXPECT_TRUE(first);
    const bool second = co_await bell_->wait_until(now() + 2ms);
    EXPECT_FALSE(second);
  };
  run(body());
}

TEST_F(bell_test, wakes_one_that_waits_already) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int heard = 0;
    bool aborted = false;
    group.spawn("count", count_rings(bell_, heard, aborted));
    for (int i = 1; i <= 5; ++i) {
      co_await settle();
      bell_->ring();
      co_await until([&] { return heard == i; });
    }
    co_await settle();
    EXPECT_EQ(heard, 5);
    co_await group.stop();
    EXPECT_TRUE(aborted);
  };
  run(body());
}

TEST_F(bell_test, gives_up_at_the_deadline_and_not_before) {
  const auto body = [this]() -> awaitable<> {
    const auto deadline = now() + 5ms;
    // A wake-up that was heard already must not end the wait early.
    bell_->ring();
    const bool first = co_await bell_->wait_until(past);
    EXPECT_TRUE(first);
    const bool second = co_await bell_->wait_until(deadline);
    EXPECT_FALSE(second);
    EXPECT_GE(now(), deadline);
  };
  run(body());
}

TEST_F(bell_test, loses_no_ring_of_any_thread) {
  constexpr int threads = 3;
  constexpr int each = 20'000;
  std::atomic<int> made = 0;
  std::vector<std::thread> ringers;
  const auto body = [&]() -> awaitable<> {
    for (int t = 0; t < threads; ++t) {
      ringers.emplace_back([&] {
        for (int i = 0; i < each; ++i) {
          made.fetch_add(1, std::memory_order_relaxed);
          bell_->ring();
        }
      });
    }
    // Without deadline: the ring after the last addition must come through.
    while (made.load(std::memory_order_relaxed) < threads * each) co_await bell_->wait();
  };
  run(body());
  for (auto& ringer : ringers) ringer.join();
}

TEST_F(bell_test, throws_when_cancelled_and_can_be_used_again) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int heard = 0;
    bool aborted = false;
    const auto cancel = group.spawn("count", count_rings(bell_, heard, aborted));
    co_await settle();
    cancel();
    co_await group.join();
    EXPECT_TRUE(aborted);
    EXPECT_EQ(heard, 0);
    bell_->ring();
    co_await bell_->wait();
    const bool was_rung = co_await bell_->wait_until(now() + 1ms);
    EXPECT_FALSE(was_rung);
  };
  run(body());
}

TEST_F(bell_test, keeps_a_ring_for_the_next_when_the_waiter_is_cancelled) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int heard = 0;
    bool aborted = false;
    const auto cancel = group.spawn("count", count_rings(bell_, heard, aborted));
    co_await settle();
    bell_->ring();
    cancel();
    co_await group.join();
    EXPECT_TRUE(aborted);
    // Either the cancelled one has heard it or it is still there.
    EXPECT_EQ(heard + (bell_->is_rung() ? 1 : 0), 1);
  };
  run(body());
}

TEST_F(bell_test, waits_on_uncancelled_and_the_cancellation_is_seen_at_the_next_suspension) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    bool passed = false;
    bool aborted = false;
    const auto waiter = [](std::shared_ptr<bell> which, bool& rung,
                           bool& cancelled) -> awaitable<> {
      co_await which->wait_uncancelled();
      rung = true;
      try {
        co_await which->wait();
      } catch (const boost::system::system_error& failure) {
        cancelled = failure.code() == asio::error::operation_aborted;
      }
    };
    const auto cancel = group.spawn("waiter", waiter(bell_, passed, aborted));
    co_await settle();
    cancel();
    co_await settle();
    EXPECT_FALSE(passed);
    EXPECT_EQ(group.size(), 1U);
    bell_->ring();
    co_await group.join();
    EXPECT_TRUE(passed);
    EXPECT_TRUE(aborted);
  };
  run(body());
}

// The wake-up of a ring that was heard without suspending comes late, and must not end the wait.
TEST_F(bell_test, waits_on_uncancelled_when_woken_for_nothing) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    bool passed = false;
    const auto waiter = [](std::shared_ptr<bell> which, bool& rung) -> awaitable<> {
      which->ring();
      const bool heard = co_await which->wait_until(past);
      EXPECT_TRUE(heard);
      co_await which->wait_uncancelled();
      rung = true;
    };
    const auto cancel = group.spawn("waiter", waiter(bell_, passed));
    cancel();
    co_await settle();
    EXPECT_FALSE(passed);
    EXPECT_EQ(group.size(), 1U);
    bell_->ring();
    co_await group.join();
    EXPECT_TRUE(passed);
  };
  run(body());
}

TEST_F(bell_test, is_kept_alive_by_its_waiter_and_by_the_mailbox) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int heard = 0;
    bool aborted = false;
    auto own = bell::create(loop_);
    group.spawn("count", count_rings(own, heard, aborted));
    co_await settle();
    std::thread([mine = std::move(own)]() mutable {
      mine->ring();
      mine.reset();
    }).join();
    co_await until([&] { return heard == 1; });
    bell::create(loop_)->ring();
    co_await group.stop();
  };
  run(body());
  // And one that is in the mailbox when the loop dies.
  bell::create(loop_)->ring();
}

TEST_F(bell_test, may_be_let_go_by_another_thread_while_its_timer_runs_out) {
  const auto body = [this]() -> awaitable<> {
    for (int i = 0; i < 50; ++i) {
      auto own = bell::create(loop_);
      const bool was_rung = co_await own->wait_until(now() + 100us);
      EXPECT_FALSE(was_rung);
      std::thread([mine = std::move(own)]() mutable { mine.reset(); }).join();
    }
  };
  run(body());
}

class bell_call_test : public bell_test {
 protected:
  void count_calls() {
    bell_->on_ring([this] { ++calls_; });
  }
  int calls_ = 0;
};

TEST_F(bell_call_test, calls_once_for_many_rings_and_again_for_the_next) {
  const auto body = [this]() -> awaitable<> {
    count_calls();
    co_await settle();
    EXPECT_EQ(calls_, 0);
    for (int i = 0; i < 10; ++i) bell_->ring();
    EXPECT_EQ(calls_, 0) << "not from within ring()";
    co_await settle();
    EXPECT_EQ(calls_, 1);
    EXPECT_FALSE(bell_->is_rung());
    bell_->ring();
    co_await settle();
    EXPECT_EQ(calls_, 2);
  };
  run(body());
}

TEST_F(bell_call_test, calls_for_a_ring_that_came_before) {
  const auto body = [this]() -> awaitable<> {
    bell_->ring();
    co_await settle();
    count_calls();
    co_await settle();
    EXPECT_EQ(calls_, 1);
  };
  run(body());
}

TEST_F(bell_call_test, leaves_a_ring_to_one_that_waits) {
  const auto body = [this]() -> awaitable<> {
    task_group group(loop_);
    int heard = 0;
    bool aborted = false;
    count_calls();
    group.spawn("count", count_rings(bell_, heard, aborted));
    co_await settle();
    bell_->ring();
    co_await until([&] { return heard == 1; });
    co_await settle();
    EXPECT_EQ(calls_, 0);
    co_await group.stop();
    bell_->ring();
    co_await settle();
    EXPECT_EQ(calls_, 1);
    EXPECT_EQ(heard, 1);
  };
  run(body());
}

// The wake-up of a ring that was heard without suspending comes late.
TEST_F(bell_call_test, does_not_call_for_a_ring_that_was_heard) {
  const auto body = [this]() -> awaitable<> {
    count_calls();
    bell_->ring();
    const bool heard = co_await bell_->wait_until(past);
    EXPECT_TRUE(heard);
    co_await settle();
    EXPECT_EQ(calls_, 0);
  };
  run(body());
}

TEST_F(bell_call_test, keeps_rings_for_later_when_there_is_no_call_any_more) {
  const auto body = [this]() -> awaitable<> {
    count_calls();
    bell_->ring();
    bell_->on_ring(nullptr);
    co_await settle();
    EXPECT_EQ(calls_, 0);
    EXPECT_TRUE(bell_->is_rung());
    const bool heard = co_await bell_->wait_until(past);
    EXPECT_TRUE(heard);
  };
  run(body());
}

TEST_F(bell_call_test, may_be_replaced_and_let_go_by_its_call) {
  const auto body = [this]() -> awaitable<> {
    bool has_second = false;
    bell_->on_ring([this, &has_second, mark = std::string(100, 'm')] {
      bell_->on_ring([&has_second] { has_second = true; });
      EXPECT_EQ(std::ranges::count(mark, 'm'), 100) << "it lives as long as it runs";
      bell_->ring();
    });
    bell_->ring();
    co_await until([&] { return has_second; });
    bell_->on_ring([this] { bell_.reset(); });
    bell_->ring();
    co_await until([this] { return bell_ == nullptr; });
  };
  run(body());
}

TEST_F(bell_call_test, misses_no_ring_of_any_thread) {
  constexpr int threads = 3;
  constexpr int each = 20'000;
  std::atomic<int> made = 0;
  std::vector<std::thread> ringers;
  const auto all_told = bell::create(loop_);
  const auto body = [&]() -> awaitable<> {
    // The call after the last addition must come.
    bell_->on_ring([&] {
      if (made.load(std::memory_order_relaxed) == threads * each) all_told->ring();
    });
    for (int t = 0; t < threads; ++t) {
      ringers.emplace_back([&] {
        for (int i = 0; i < each; ++i) {
          made.fetch_add(1, std::memory_order_relaxed);
          bell_->ring();
        }
      });
    }
    co_await all_told->wait();
    bell_->on_ring(nullptr);
  };
  run(body());
  for (auto& ringer : ringers) ringer.join();
}

}  // namespace
}  // namespace throughline::aio
