// How posts and claims share the room of a worker, and what it begins while it goes down or its
// database is slow.
#include "engine/engine_fixture.hpp"
#include "engine/watched_database.hpp"
#include "store/statement.hpp"

namespace throughline::engine {
namespace {

/// A worker whose database is watched for one statement. Its posts go to it.
class worker_room_test : public engine_fixture {
 protected:
  void begin_worker(std::string_view statement, worker_options options) {
    watched.emplace(*database_, loops_[0], statement);
    watched_queue.emplace(*watched, bells_, limits_);
    provider::catalog_entry entry;
    entry.source = model_;
    entry.models = {"model"};
    models_.emplace(std::vector{entry}, "model");
    const generation_services services{
        *watched_queue, log_, *models_, system_clock(), random_, {}, {}, nullptr, nullptr};
    worker_.emplace(loops_, services, bells_, options);
    submissions_->begin_tasks_at(worker_->taker());
  }
  ~worker_room_test() override {
    if (watched) watched->release();
    stop_worker();
  }
  store::task_state state_of(const store::submission& posted) { return task(posted.task).state; }

  std::optional<watched_database> watched;
  std::optional<store::task_queue> watched_queue;
};

TEST_F(worker_room_test, a_post_begins_at_once_though_a_claim_is_under_way) {
  worker_options options;
  options.concurrency = 10;
  begin_worker(store::claim_text(1), options);
  model_->will_play({{says("Begun"), hangs()}});
  watched->hold();
  worker_->start();
  eventually([&] { return watched->held == 1; }, "a claim");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(state_of(post()), store::task_state::running) << i;
  EXPECT_EQ(worker_->running(), 5);
  const auto one_more = post();
  EXPECT_EQ(state_of(one_more), store::task_state::ready) << "the claim has the other half";
  watched->release();
  eventually([&] { return state_of(one_more) == store::task_state::running; }, "the next claim");
  for (int i = 0; i < 4; ++i) post();
  eventually([&] { return worker_->running() == 10; }, "all of its room in use");
  const auto too_many = post();
  EXPECT_EQ(state_of(too_many), store::task_state::ready);
  await(answers_->cancel(loops_[1], "local", one_more.task));
  eventually([&] { return state_of(too_many) == store::task_state::running; }, "its turn");
  EXPECT_EQ(model_->counted.most, 10);
}

}  // namespace
}  // namespace throughline::engine
