#include "app/shared_signals.hpp"

#include "redis/test_fixture.hpp"

namespace throughline::app {
namespace {

using namespace std::chrono_literals;
using redis::comes_true;

/// What one process of two has.
struct user {
  explicit user(const redis::server& to)
      : commands(own_loops(), to), events(loops[0], to, commands.here()) {
    bells = std::make_unique<shared_signals>(local, commands, events);
  }
  ~user() {
    bells.reset();
    redis::await_on(loops[0], events.stop());
    redis::await_on(loops[0], commands.stop());
  }
  std::vector<aio::event_loop*> own_loops() { return {&loops[0]}; }

  aio::event_loops loops{1, "user"};
  redis::client commands;
  redis::subscriptions events;
  engine::notices local;
  std::unique_ptr<shared_signals> bells;
};

class shared_signals_test : public ::testing::Test {
 protected:
  shared_signals_test() {
    for (const auto* channel : {"queue", "cancel", "ended", "owner"}) {
      EXPECT_TRUE(comes_true([&] { return listeners(channel) == 2; }));
    }
  }
  std::int64_t listeners(const std::string& channel) {
    return server.ask({"PUBSUB", "NUMSUB", "throughline:" + channel}).items[1].integer;
  }
  std::string publications() {
    const auto stats = server.ask({"INFO", "commandstats"}).text;
    const auto at = stats.find("cmdstat_publish:calls=");
    return at == std::string::npos ? "0" : stats.substr(at + 22, stats.find(',', at) - at - 22);
  }
  /// A bell on a loop of the test, not rung.
  std::shared_ptr<aio::bell> bell() { return aio::bell::create(loops[0]); }
  /// Forgets what has been rung.
  void hush(const std::shared_ptr<aio::bell>& which) {
    const auto forget = [](std::shared_ptr<aio::bell> it) -> aio::awaitable<> {
      static_cast<void>(co_await it->wait_until(std::chrono::steady_clock::now()));
    };
    redis::await_on(loops[0], forget(which));
  }

  redis::server_process server;
  aio::event_loops loops{1, "test"};
  user here{server.where()};
  user there{server.where()};
};

TEST_F(shared_signals_test, what_is_rung_here_rings_there) {
  const auto task = task_id::generate();
  const auto queue = bell();
  const auto ended = bell();
  const auto owner = bell();
  const auto other_owner = bell();
  const auto first = there.local.watch_queue(queue);
  const auto second = there.local.watch_end(task, ended);
  const auto third = there.local.watch_owner("an owner", owner);
  const auto fourth = there.local.watch_owner("another", other_owner);
  std::atomic<int> cancels{0};
  there.local.on_cancel([&](task_id which) { cancels += which == task ? 1 : 100; });

  // What the subscribing itself has rung is over once this has arrived.
  here.bells->task_ended(task);
  EXPECT_TRUE(comes_true([&] { return ended->is_rung(); }));
  for (const auto& each : {queue, ended, owner, other_owner}) hush(each);

  here.bells->cancel_requested(task);
  EXPECT_TRUE(comes_true([&] { return cancels == 1; }));
  here.bells->owner_changed("an owner");
  EXPECT_TRUE(comes_true([&] { return owner->is_rung(); }));
  EXPECT_FALSE(queue->is_rung());
  here.bells->queue_changed();
  EXPECT_TRUE(comes_true([&] { return queue->is_rung(); }));
  EXPECT_FALSE(other_owner->is_rung());
  EXPECT_FALSE(ended->is_rung());
  there.local.on_cancel({});
}

TEST_F(shared_signals_test, what_is_rung_here_rings_here_at_once_and_once) {
  const auto task = task_id::generate();
  std::atomic<int> cancels{0};
  here.local.on_cancel([&](task_id) { ++cancels; });
  here.bells->cancel_requested(task);
  EXPECT_EQ(cancels, 1);
  // The echo comes before this one does.
  there.bells->cancel_requested(task_id::generate());
  EXPECT_TRUE(comes_true([&] { return cancels == 2; }));
  here.bells->cancel_requested(task);
  EXPECT_EQ(cancels, 3);
  here.local.on_cancel({});
}

TEST_F(shared_signals_test, what_is_said_while_it_is_being_said_is_said_once_more) {
  const auto before = std::stoi(publications());
  server.hang();
  for (int i = 0; i < 1000; ++i) here.bells->owner_changed("an owner");
  server.go_on();
  EXPECT_TRUE(comes_true([&] { return std::stoi(publications()) == before + 2; }));
}

TEST_F(shared_signals_test, after_a_gap_everybody_looks) {
  const auto queue = bell();
  const auto watch = there.local.watch_queue(queue);
  hush(queue);
  server.kill();
  here.bells->queue_changed();
  server.start();
  EXPECT_TRUE(comes_true([&] { return queue->is_rung(); }));
}

}  // namespace
}  // namespace throughline::app
