#include "engine/worker_watch.hpp"

#include "engine/engine_fixture.hpp"

namespace throughline::engine {
namespace {

store::service_state state_with(std::int64_t workers, std::vector<std::string> unserved) {
  store::service_state out;
  out.workers = workers;
  for (auto& queue : unserved) out.gaps.push_back({std::move(queue), seconds(60)});
  return out;
}

TEST(worker_watch_sentence, names_the_queues_that_nobody_serves) {
  EXPECT_EQ(describe_gaps(state_with(1, {}), seconds(5), true), "");
  EXPECT_EQ(describe_gaps(state_with(0, {}), seconds(5), false), "");
  EXPECT_EQ(describe_gaps(state_with(0, {}), seconds(5), true),
            "no worker is alive: what is posted waits until one is started");
  EXPECT_EQ(describe_gaps(state_with(2, {"chat"}), seconds(5), true),
            "no live worker serves the queue chat, in which tasks wait");
  EXPECT_EQ(describe_gaps(state_with(2, {"chat", "email"}), seconds(5), false),
            "no live worker serves the queues chat, email, in which tasks wait");
  EXPECT_EQ(describe_gaps(state_with(1, {"a", "b", "c", "d", "e", "f"}), seconds(5), false),
            "no live worker serves the queues a, b, c, d, e and more, in which tasks wait");
  EXPECT_EQ(describe_gaps(state_with(1, {"chat"}), seconds(61), false), "") << "it is too early";
}

class worker_watch_test : public engine_fixture {
 protected:
  worker_watch_test() : operations_(*database_, bells_) {}
  ~worker_watch_test() override {
    if (watch_) await(watch_->stop());
  }
  void watch(bool needs_one) {
    watch_.emplace(loops_[0], operations_,
                   worker_watch::options{.every = milliseconds(1),
                                         .again = milliseconds(1),
                                         .patience = milliseconds(0),
                                         .needs_one = needs_one});
  }

  store::operations operations_;
  std::optional<worker_watch> watch_;
};

TEST_F(worker_watch_test, hears_when_a_worker_comes_and_when_it_is_asked_to_go) {
  watch(true);
  eventually([&] { return watch_->what_is_wrong().starts_with("no worker is alive"); },
             "nobody is there");
  model_->will_play({{says("Hello"), finishes()}});
  start_worker();
  eventually([&] { return watch_->what_is_wrong().empty(); }, "the worker is seen");
  ASSERT_TRUE(await(operations_.drain(worker_->id())).has_value());
  eventually([&] { return !watch_->what_is_wrong().empty(); }, "it claims nothing more");
}

TEST_F(worker_watch_test, hears_of_a_queue_that_nobody_serves) {
  model_->will_play({{says("Hello"), finishes()}});
  start_worker();
  store::submit_options options;
  options.queue = "renamed";
  watch(false);
  ASSERT_TRUE(await(submissions_->post("local", std::nullopt, "question", std::nullopt, options))
                  .has_value());
  eventually(
      [&] {
        return watch_->what_is_wrong() ==
               "no live worker serves the queue renamed, in which tasks wait";
      },
      "it waits for nobody");
}

}  // namespace
}  // namespace throughline::engine
