#include "aio/event_loop.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "aio/bell.hpp"
#include "aio/loop_fixture.hpp"

namespace throughline::aio {
namespace {

TEST(event_loop, runs_posted_work_in_order_on_its_thread) {
  event_loop loop;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    loop.post([&, i] {
      EXPECT_TRUE(loop.is_current());
      EXPECT_EQ(event_loop::current(), &loop);
      order.push_back(i);
      if (i == 50) loop.post([&] { order.push_back(1000); });
      if (i == 99) loop.post([&] { loop.stop(); });
    });
  }
  EXPECT_TRUE(order.empty());
  EXPECT_FALSE(loop.is_current());
  loop.run();
  ASSERT_EQ(order.size(), 101U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(order.back(), 1000);
  EXPECT_EQ(event_loop::current(), nullptr);
}

TEST(event_loop, keeps_the_order_of_each_thread_that_posts) {
  constexpr int each = 5'000;
  event_loop loop;
  std::array<int, 3> next{};
  int left = each * static_cast<int>(next.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < next.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        loop.post([&, t, i] {
          EXPECT_EQ(next[t]++, i);
          if (--left == 0) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
}

TEST(event_loop, wakes_up_once_for_a_burst) {
  event_loop loop;
  const auto first = bell::create(loop);
  const auto second = bell::create(loop);
  int ran = 0;
  for (int burst = 1; burst <= 3; ++burst) {
    for (int i = 0; i < 100; ++i) loop.post([&] { ++ran; });
    first->ring();
    second->ring();
    first->ring();
    EXPECT_EQ(loop.context().poll(), 1U);
    EXPECT_EQ(ran, burst * 100);
    EXPECT_EQ(loop.context().poll(), 0U);
  }
}

TEST(event_loop, destroys_unrun_what_is_left_when_it_dies) {
  bool died = false;
  bool ran = false;
  {
    event_loop loop;
    loop.stop();
    loop.run();
    loop.post([mark = std::make_shared<death_mark>(died), &ran] { ran = true; });
    EXPECT_FALSE(died);
  }
  EXPECT_TRUE(died);
  EXPECT_FALSE(ran);
}

/// Rings and posts when it dies, as the frame of a coroutine may.
struct noisy {
  event_loop& loop;
  std::shared_ptr<bell> rung;
  ~noisy() {
    rung->ring();
    loop.post([] { ADD_FAILURE() << "the loop is dead"; });
  }
};

TEST(event_loop, lets_what_dies_with_it_ring_and_post) {
  event_loop loop;
  // In its mailbox, in its handlers and in a frame that is suspended for ever.
  loop.post([mark = std::make_shared<noisy>(loop, bell::create(loop))] {});
  asio::post(loop.context(), [mark = std::make_shared<noisy>(loop, bell::create(loop))] {});
  const auto frame = [](event_loop& here) -> awaitable<> {
    const noisy mark{here, bell::create(here)};
    here.stop();
    co_await sleep_until(steady_time::max());
  };
  event_loop other;
  asio::co_spawn(other.get_executor(), frame(other), [](const std::exception_ptr&) {});
  other.run();
}

TEST(event_loop, does_not_run_at_all_when_stopped_before) {
  event_loop loop;
  loop.stop();
  loop.post([] { ADD_FAILURE() << "stopped"; });
  loop.run();
}

TEST(event_loops, run_on_threads_of_their_own_with_names) {
  event_loops loops(3, "a-rather-long-name");
  EXPECT_EQ(loops.size(), 3U);
  std::set<std::thread::id> threads;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    std::promise<std::thread::id> ran;
    loops[i].post([&] {
      for (std::size_t other = 0; other < loops.size(); ++other) {
        EXPECT_EQ(loops[other].is_current(), other == i);
      }
      ran.set_value(std::this_thread::get_id());
    });
    threads.insert(ran.get_future().get());
  }
  EXPECT_EQ(threads.size(), 3U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(event_loops, name_their_threads) {
  event_loops loops(2, "chat");
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const std::string expected = "chat/" + std::to_string(i);
    std::promise<std::string> name;
    loops[i].post([&] {
      std::array<char, 16> buffer{};
      pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
      name.set_value(buffer.data());
    });
    EXPECT_EQ(name.get_future().get(), expected);
  }
}

TEST(event_loops, take_turns) {
  event_loops loops(3, "turn");
  std::vector<event_loop*> given;
  for (int i = 0; i < 6; ++i) given.push_back(&loops.next());
  EXPECT_EQ(std::set(given.begin(), given.end()).size(), 3U);
  EXPECT_TRUE(std::equal(given.begin(), given.begin() + 3, given.begin() + 3));
}

TEST(event_loops, stop_from_any_thread_and_twice) {
  event_loops loops(2, "stop");
  loops.stop_and_join();
  loops.stop_and_join();
  loops[0].post([] { ADD_FAILURE() << "stopped"; });
}

TEST(event_loops, may_die_with_the_bells_of_one_in_the_mailbox_of_another) {
  event_loops loops(2, "cross");
  loops.stop_and_join();
  loops[1].post([of_first = bell::create(loops[0])] {});
  loops[0].post([of_second = bell::create(loops[1])] {});
}

}  // namespace
}  // namespace throughline::aio
