#include "engine/insight.hpp"

#include "engine/engine_fixture.hpp"

namespace throughline::engine {
namespace {

class insight_test : public engine_fixture {
 protected:
  insight_test() : watch_(loops_[0], loops_) {}
  ~insight_test() override {
    if (insight_) await(insight_->stop());
    await(watch_.stop());
  }

  void look_at(sql::database& database, insight::options how = {.fresh = milliseconds(0)}) {
    looked_at_.emplace(database, bells_, limits_);
    const worker* const local = worker_ ? &*worker_ : nullptr;
    insight_.emplace(loops_[0],
                     insight_sources{*looked_at_, log_, watch_, local, {"default", "chat"}}, how);
  }

  double value(const metrics::definition& what, const std::vector<std::string>& labels = {}) {
    const auto all = await(insight_->look());
    for (const auto& family : all) {
      if (family.what != &what) continue;
      for (const auto& one : family.all) {
        if (one.labels == labels) return one.value;
      }
    }
    ADD_FAILURE() << what.name << " has no such series";
    return -1;
  }

  store::submission post_to(const std::string& queue) {
    store::submit_options options;
    options.queue = queue;
    auto posted =
        await(submissions_->post("local", std::nullopt, "question", std::nullopt, options));
    EXPECT_TRUE(posted.has_value());
    return *posted;
  }

  aio::loop_watch watch_;
  std::optional<store::task_queue> looked_at_;
  std::optional<insight> insight_;
};

/// Counts the questions, and keeps them while told so.
class counting_database final : public sql::database {
 public:
  counting_database(sql::database& inner, aio::event_loop& loop)
      : inner_(inner), released_(aio::bell::create(loop)) {}
  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    return inner_.write_transaction(std::move(body));
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    ++asked;
    while (hangs) co_await released_->wait();
    auto outcome = co_await inner_.read_transaction(std::move(body));
    co_return outcome;
  }
  void release() {
    hangs = false;
    released_->ring();
  }
  std::atomic<int> asked{0};
  std::atomic<bool> hangs{false};

 private:
  sql::database& inner_;
  std::shared_ptr<aio::bell> released_;
};

TEST_F(insight_test, counts_who_waits_in_each_queue_and_for_how_long) {
  const auto first = post_to("default");
  post_to("default");
  post_to("chat");
  await(submissions_->post("local", first.conversation, "next", std::nullopt, {}));
  look_at(*database_);
  EXPECT_EQ(value(metrics::tasks, {"ready"}), 3);
  EXPECT_EQ(value(metrics::tasks, {"blocked"}), 1);
  EXPECT_EQ(value(metrics::tasks, {"running"}), 0);
  EXPECT_EQ(value(metrics::queue_depth, {"default"}), 2);
  EXPECT_EQ(value(metrics::queue_depth, {"chat"}), 1);
  const auto age = value(metrics::queue_age, {"default"});
  EXPECT_GE(age, 0);
  eventually([&] { return value(metrics::queue_age, {"default"}) > age; }, "it grows older");
  EXPECT_LT(value(metrics::queue_sample_age), 10);
}

TEST_F(insight_test, what_no_living_worker_serves_is_unserved) {
  post_to("default");
  post_to("renamed");
  look_at(*database_);
  EXPECT_EQ(value(metrics::queue_unserved), 2);
  await(insight_->stop());

  model_->will_play({{hangs()}});
  start_worker();
  look_at(*database_);
  eventually([&] { return value(metrics::worker_running) == 1; }, "the worker writes one of them");
  EXPECT_EQ(value(metrics::queue_unserved), 1);
  EXPECT_EQ(value(metrics::queue_depth, {"renamed"}), 1);
  EXPECT_EQ(value(metrics::tasks, {"running"}), 1);
  EXPECT_EQ(value(metrics::queue_depth, {"default"}), 0);
  EXPECT_LT(value(metrics::worker_progress_age), 10);
}

TEST_F(insight_test, the_database_is_not_asked_by_every_scrape) {
  counting_database database(*database_, loops_[0]);
  look_at(database, {.fresh = std::chrono::hours(1)});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(value(metrics::queue_unserved), 0);
  EXPECT_EQ(database.asked, 1);
}

TEST_F(insight_test, a_database_that_hangs_holds_up_no_scrape) {
  counting_database database(*database_, loops_[0]);
  post_to("default");
  look_at(database, {.fresh = milliseconds(0), .patience = milliseconds(10)});
  eventually([&] { return value(metrics::tasks, {"ready"}) == 1; }, "it is counted");
  database.hangs = true;
  const int asked = database.asked;
  post_to("default");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(value(metrics::tasks, {"ready"}), 1);
  EXPECT_LE(database.asked, asked + 2);
  database.release();
  eventually([&] { return value(metrics::tasks, {"ready"}) == 2; }, "it goes on");
}

}  // namespace
}  // namespace throughline::engine
