// Limits of providers: what is over one stays in the queue, holds up nobody else, and begins when a
// place is free.
#include "engine/engine_fixture.hpp"
#include "engine/watched_database.hpp"
#include "store/operations.hpp"
#include "store/statement.hpp"

namespace throughline::engine {
namespace {

using store::task_state;

/// Two providers, `a` with a limit and `b` without one.
class provider_limits_test : public engine_fixture {
 protected:
  provider_limits_test() {
    a_->will_play({{says("Begun"), hangs()}});
    b_->will_play({{says("All"), finishes()}});
    models_.emplace(std::vector<provider::catalog_entry>{{a_, {"of-a"}}, {b_, {"of-b"}}}, "of-a");
  }
  ~provider_limits_test() override {
    if (watched_) watched_->release();
    stop_worker();
  }

  void know_providers() {
    submissions_->find_providers_with([this](const auto& model) {
      const auto choice = models_->choose(model);
      return choice ? choice->source->name() : std::string();
    });
  }
  /// With a database that is watched for one statement, which may be refused.
  void start_worker(std::int64_t limit, std::string_view statement = "",
                    std::function<bool(const sql::parameters&)> refuses = {}) {
    watched_.emplace(*database_, loops_[0], statement);
    watched_->refuses = std::move(refuses);
    watched_queue_.emplace(*watched_, bells_, limits_);
    worker_options options;
    options.limits["a"] = limit;
    const generation_services services{
        *watched_queue_, log_, *models_, system_clock(), random_, {}, {}, nullptr, &running_};
    worker_.emplace(loops_, services, bells_, options);
    if (posts_to_worker_) submissions_->begin_tasks_at(worker_->taker());
    worker_->start();
  }

  store::submission post_to(const char* model) {
    store::submit_options options;
    options.model = model;
    return await(submissions_->post("local", {}, "question", std::nullopt, options)).value();
  }
  task_state state_of(const store::submission& posted) { return task(posted.task).state; }
  int count_in(const std::vector<store::submission>& all, task_state state) {
    return static_cast<int>(
        std::ranges::count_if(all, [&](const auto& one) { return state_of(one) == state; }));
  }
  /// Ends those that hang.
  void end(const store::submission& posted) {
    await(answers_->cancel(loops_[1], "local", posted.task));
  }
  static std::int64_t shown(const metrics::definition& which) {
    return metrics::find_gauge(which, {"a"}).value();
  }

  std::shared_ptr<scripted_provider> a_ = std::make_shared<scripted_provider>("a");
  std::shared_ptr<scripted_provider> b_ = std::make_shared<scripted_provider>("b");
  std::optional<watched_database> watched_;
  std::optional<store::task_queue> watched_queue_;
};

TEST_F(provider_limits_test, what_is_over_the_limit_stays_in_the_queue_and_holds_up_nobody) {
  know_providers();
  std::vector<store::submission> over;
  for (int i = 0; i < 5; ++i) over.push_back(post_to("of-a"));
  const auto behind = post_to("of-b");
  start_worker(2);
  follow(behind.task);
  eventually([&] { return count_in(over, task_state::running) == 2; }, "two of the first");
  EXPECT_EQ(count_in(over, task_state::ready), 3);
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(task(over[i].task).attempt, 0U) << "never claimed";
  EXPECT_EQ(shown(metrics::provider_limit), 2);
  EXPECT_EQ(shown(metrics::provider_running), 2);
  for (std::size_t i = 0; i < 5; ++i) {
    eventually([&] { return state_of(over[i]) == task_state::running; }, "a place");
    end(over[i]);
  }
  EXPECT_EQ(a_->counted.most, 2);
  eventually([&] { return shown(metrics::provider_running) == 0; }, "all places free");
}

// Were it looked for once a second, forty would take longer than the patience of this test.
TEST_F(provider_limits_test, a_free_place_is_taken_at_once) {
  know_providers();
  a_->will_play({{says("All"), finishes()}});
  start_worker(1);
  std::vector<store::submission> all;
  for (int i = 0; i < 40; ++i) all.push_back(post_to("of-a"));
  eventually([&] { return count_in(all, task_state::succeeded) == 40; }, "all of them");
  EXPECT_EQ(a_->counted.most, 1);
}

TEST_F(provider_limits_test, what_is_posted_to_the_worker_keeps_to_the_limit) {
  know_providers();
  posts_to_worker_ = true;
  start_worker(2);
  eventually([&] { return worker_->taker().reserve("default", "b").has_value(); }, "a lease");
  worker_->taker().give_back({worker_->id(), "b", 0});
  const std::vector<store::submission> first{post_to("of-a"), post_to("of-a")};
  // A claim that is under way may have had the places.
  eventually([&] { return count_in(first, task_state::running) == 2; }, "both places taken");
  const auto over = post_to("of-a");
  EXPECT_EQ(state_of(over), task_state::ready);
  follow(post_to("of-b").task);
  EXPECT_EQ(state_of(over), task_state::ready);
  end(first[1]);
  eventually([&] { return state_of(over) == task_state::running; }, "its place");
  EXPECT_EQ(task(over.task).attempt, 1U);
  EXPECT_EQ(a_->counted.most, 2);
}

// As one does of a version that did not know, or before the default model was changed.
TEST_F(provider_limits_test, what_says_nobody_or_somebody_else_is_handed_on) {
  std::vector<store::submission> over;
  for (int i = 0; i < 3; ++i) over.push_back(post_to("of-a"));
  submissions_->find_providers_with([](const auto&) { return std::string("b"); });
  for (int i = 0; i < 3; ++i) over.push_back(post_to("of-a"));
  const auto behind = post_to("of-b");
  start_worker(2);
  follow(behind.task);
  eventually([&] { return count_in(over, task_state::running) == 2; }, "two of the first");
  eventually([&] { return count_in(over, task_state::ready) == 4; }, "the others in the queue");
  store::operations operations(*database_, bells_);
  for (const auto& one : over) {
    eventually([&] { return await(operations.task_of(one.task))->now.provider != "b"; },
               "its provider");
    EXPECT_EQ(task(one.task).failures, 0);
  }
  a_->will_play({{says("All"), finishes()}});
  end(over[0]);
  end(over[1]);
  eventually([&] { return count_in(over, task_state::succeeded) == 4; }, "all of them");
  for (const auto& one : over) EXPECT_LE(task(one.task).attempt, 2U) << "handed on once";
  EXPECT_EQ(a_->counted.most, 2);
}

// It cannot go back to the queue, and the provider that has no place must not be asked.
TEST_F(provider_limits_test, one_that_is_stopped_as_it_is_handed_on_ends) {
  const auto lane = store::claim_lanes_text(1);
  start_worker(1, lane);
  const auto first = post_to("of-a");
  eventually([&] { return worker_->running() == 1; }, "the only place taken");
  watched_->hold();
  const auto second = post_to("of-a");
  eventually([&] { return watched_->held == 1; }, "a claim");
  EXPECT_EQ(state_of(second), task_state::running);
  const auto asked = await(answers_->cancel(loops_[1], "local", second.task, milliseconds(0)));
  EXPECT_EQ(asked->state, task_state::running);
  watched_->release();
  eventually([&] { return state_of(second) == task_state::cancelled; }, "its end");
  EXPECT_EQ(a_->counted.most, 1);
  EXPECT_EQ(state_of(first), task_state::running);
}

TEST_F(provider_limits_test, a_claim_that_fails_keeps_no_place) {
  know_providers();
  const auto lane = store::claim_lanes_text(1);
  std::atomic<bool> refuses = true;
  const auto posted = post_to("of-a");
  start_worker(1, lane, [&](const sql::parameters&) { return refuses.load(); });
  eventually([&] { return watched_->refused > 1; }, "refusals");
  refuses = false;
  eventually([&] { return state_of(posted) == task_state::running; }, "a place");
}

}  // namespace
}  // namespace throughline::engine
