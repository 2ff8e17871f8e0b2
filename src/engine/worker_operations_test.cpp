// What a worker says of itself, and what it does when somebody asks it to drain.
#include "engine/engine_fixture.hpp"
#include "store/operations.hpp"

namespace throughline::engine {
namespace {

class worker_operations_test : public engine_fixture {
 protected:
  worker_operations_test() : operations_(*database_, bells_) { heartbeat_ = milliseconds(5); }

  store::worker_record row() {
    const auto all = await(operations_.workers(10, std::nullopt));
    EXPECT_TRUE(all.has_value());
    if (!all || all->data.size() != 1) return {};
    return all->data.front();
  }
  void wait_for_rounds(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const auto before = worker_->pulse().renewed;
      eventually([&] { return worker_->pulse().renewed > before; }, "the next round");
    }
  }
  bool is_running(task_id id) { return task(id).state == store::task_state::running; }

  store::operations operations_;
};

TEST_F(worker_operations_test, its_row_says_what_it_is_and_what_it_runs) {
  model_->will_play({{says("Begun"), hangs()}});
  start_worker();
  const auto posted = post();
  eventually([&] { return row().running == 1; }, "its heartbeat says so");
  const auto now = row();
  EXPECT_EQ(now.id, worker_->id());
  EXPECT_EQ(now.process, ::getpid());
  EXPECT_FALSE(now.host.empty());
  EXPECT_EQ(now.version, THROUGHLINE_VERSION);
  EXPECT_EQ(now.queues, std::vector<std::string>{"default"});
  EXPECT_EQ(now.concurrency, concurrency_);
  EXPECT_TRUE(now.limits.empty());
  EXPECT_TRUE(now.started_at.has_value());
  await(answers_->cancel(loops_[1], "local", posted.task));
  eventually([&] { return row().running == 0; }, "it has ended");
}

TEST_F(worker_operations_test, one_that_is_alone_and_idle_writes_nothing) {
  model_->will_play({{says("Hello"), finishes()}});
  start_worker();
  follow(post().task);
  wait_for_rounds(3);
  const auto before = row().renewed_at;
  wait_for_rounds(20);
  EXPECT_EQ(row().renewed_at, before);
}

TEST_F(worker_operations_test, one_that_is_told_to_drain_lets_its_answers_end_and_begins_no_other) {
  posts_to_worker_ = true;
  model_->will_play({{says("Begun"), hangs()}});
  start_worker();
  const auto first = post();
  eventually([&] { return is_running(first.task); }, "it is begun");
  std::atomic<bool> is_drained{false};
  loops_[0].post([&] { worker_->when_drained([&] { is_drained = true; }); });
  ASSERT_TRUE(await(operations_.drain(worker_->id()))->is_draining);
  wait_for_rounds(2);
  const auto second = post();
  wait_for_rounds(5);
  EXPECT_TRUE(is_running(first.task));
  EXPECT_FALSE(is_running(second.task));
  EXPECT_FALSE(is_drained);
  await(answers_->cancel(loops_[1], "local", first.task));
  eventually([&] { return is_drained.load(); }, "it has nothing left to do");
  EXPECT_FALSE(is_running(second.task));
  EXPECT_TRUE(row().is_draining);
  // It does nothing, as it was told: that is no standstill.
  const auto claimed = worker_->pulse().claimed;
  eventually([&] { return worker_->pulse().claimed > claimed; }, "its pulse goes on");
  stop_worker();
  EXPECT_TRUE(await(operations_.workers(10, std::nullopt))->data.empty());
}

TEST_F(worker_operations_test, one_that_is_idle_hears_it_too) {
  model_->will_play({{says("Hello"), finishes()}});
  start_worker();
  wait_for_rounds(3);
  std::atomic<bool> is_drained{false};
  loops_[0].post([&] { worker_->when_drained([&] { is_drained = true; }); });
  ASSERT_TRUE(await(operations_.drain(worker_->id())).has_value());
  eventually([&] { return is_drained.load(); }, "it was told");
  const auto posted = post();
  wait_for_rounds(5);
  EXPECT_EQ(task(posted.task).state, store::task_state::ready);
}

}  // namespace
}  // namespace throughline::engine
