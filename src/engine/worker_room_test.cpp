// How posts and claims share the room of a worker, and what it begins while it goes down or its
// database is slow.
#include "engine/engine_fixture.hpp"
#include "engine/watched_database.hpp"
#include "store/statement.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_workers.hpp"

namespace throughline::engine {
namespace {

/// Hands what is posted to a worker, and keeps the loop busy after it has.
class lingering_taker final : public store::task_taker {
 public:
  explicit lingering_taker(store::task_taker& to) : to_(to) {}
  std::optional<room> reserve(const std::string& queue, const std::string& provider) override {
    return to_.reserve(queue, provider);
  }
  void start(store::claimed_task task, room in) override {
    to_.start(std::move(task), in);
    has_started = true;
    while (lingers) std::this_thread::yield();
  }
  void give_back(room unused) noexcept override { to_.give_back(std::move(unused)); }

  std::atomic<bool> lingers{false};
  std::atomic<bool> has_started{false};

 private:
  store::task_taker& to_;
};

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
  static aio::awaitable<> nothing() { co_return; }
  /// Returns when what was posted to the loops before has run.
  void pass_through_the_loops() {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      boost::asio::co_spawn(loops_[i].get_executor(), nothing(), boost::asio::use_future).get();
    }
  }
  static aio::awaitable<result<task_id>> only_task(sql::transaction& in) {
    const auto found = co_await in.execute("SELECT id FROM tasks");
    co_return found[0][0].id<task_id>();
  }
  bool takes() {
    auto room = worker_->taker().reserve("default", "");
    if (!room) return false;
    worker_->taker().give_back(*std::move(room));
    return true;
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

// Others take over what such a worker holds: it must not begin more.
TEST_F(worker_room_test, a_worker_whose_lease_has_expired_begins_nothing) {
  worker_options options;
  options.is_alone = false;
  options.lease = milliseconds(400);
  options.heartbeat = milliseconds(20);
  std::atomic<bool> refuses = false;
  begin_worker(store::statements::renew_lease.text, options);
  watched->refuses = [&](const sql::parameters&) {
    return refuses.load();
  };
  model_->will_play({{says("Short"), finishes()}});
  worker_->start();
  eventually([&] { return takes(); }, "a lease");
  refuses = true;
  eventually([&] { return watched->refused > 0; }, "a refusal");
  eventually([&] { return !takes(); }, "the end of the lease");
  const auto posted = post();
  const int rounds = watched->refused;
  eventually([&] { return watched->refused > rounds + 5; }, "more rounds without a lease");
  EXPECT_EQ(state_of(posted), store::task_state::ready);
  refuses = false;
  follow(posted.task);
  eventually([&] { return takes(); }, "a lease again");
  stop_worker();
}

// Whoever stops it then finds it with no crew: the next heartbeat says that its end is requested.
TEST_F(worker_room_test, a_cancel_between_the_commit_of_a_post_and_its_start_is_heard) {
  worker_options options;
  options.heartbeat = milliseconds(20);
  begin_worker("", options);
  watched_database late(*database_, loops_[1], store::statements::insert_task.text);
  store::submissions posts(late, bells_, limits_);
  posts.begin_tasks_at(worker_->taker());
  model_->will_play({{says("Begun"), hangs()}});
  worker_->start();
  eventually([&] { return takes(); }, "a lease");
  late.hold();
  auto posted = boost::asio::co_spawn(loops_[1].get_executor(),
                                      posts.post("local", {}, "question", std::nullopt, {}),
                                      boost::asio::use_future);
  eventually([&] { return late.held == 1; }, "a commit");
  const auto task = await(database_->read<task_id>(&only_task)).value();
  const auto stopped = await(answers_->cancel(loops_[1], "local", task, milliseconds(0)));
  EXPECT_EQ(stopped->state, store::task_state::running);
  pass_through_the_loops();
  EXPECT_EQ(worker_->running(), 0);
  late.release();
  EXPECT_EQ(posted.get()->task, task);
  EXPECT_TRUE(story(follow(task)).ends_with("done=cancelled"));
  EXPECT_EQ(this->task(task).state, store::task_state::cancelled);
  stop_worker();
}

// A loop gets what it posts to itself only after the handler that posted it, and what others post
// to it meanwhile before that.
TEST_F(worker_room_test, an_answer_that_began_as_it_went_down_has_its_grace) {
  begin_worker("", {});
  lingering_taker taker(worker_->taker());
  submissions_->begin_tasks_at(taker);
  model_->will_play({{says("All"), finishes()}, {says("Begun"), hangs()}});
  worker_->start();
  eventually([&] { return takes(); }, "a lease");
  follow(post().task);  // on the first loop; the next one is on the second, as its post
  eventually([&] { return worker_->running() == 0; }, "its departure");
  taker.has_started = false;
  taker.lingers = true;
  auto posted = boost::asio::co_spawn(loops_[1].get_executor(),
                                      submissions_->post("local", {}, "question", std::nullopt, {}),
                                      boost::asio::use_future);
  eventually([&] { return taker.has_started.load(); }, "a start");
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(300);
  auto drained = boost::asio::co_spawn(loops_[0].get_executor(), worker_->drain(deadline),
                                       boost::asio::use_future);
  // As long as the drain has something to do without it.
  for (int i = 0; i < 100; ++i) {
    boost::asio::co_spawn(loops_[0].get_executor(), nothing(), boost::asio::use_future).get();
  }
  taker.lingers = false;
  drained.get();
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
  worker_.reset();
  const auto task = posted.get()->task;
  EXPECT_EQ(this->task(task).state, store::task_state::ready) << "handed back";
  EXPECT_EQ(await(queue_->saved(task))->content, "Begun");
}

}  // namespace
}  // namespace throughline::engine
