#include "engine/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "engine/crew.hpp"
#include "engine/engine_fixture.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

class worker_test : public engine_fixture {
 protected:
  static aio::awaitable<> stop_one(generation& one) {
    one.request_stop(generation::stop_cause::cancelled);
    co_return;
  }
};

/// Stops answering questions after so many; it goes on storing.
class questionable_database final : public sql::database {
 public:
  explicit questionable_database(sql::database& inner) : inner_(inner) {}
  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    return inner_.write_transaction(std::move(body));
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    if (refuse_after.fetch_sub(1) <= 0) {
      ++refused;
      co_return fail(errc::unavailable, "as told");
    }
    auto outcome = co_await inner_.read_transaction(std::move(body));
    co_return outcome;
  }
  std::atomic<int> refuse_after{1'000'000};
  std::atomic<int> refused{0};

 private:
  sql::database& inner_;
};

/// Refuses to store while told so.
class read_only_database final : public sql::database {
 public:
  explicit read_only_database(sql::database& inner) : inner_(inner) {}
  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    if (refuses) co_return fail(why, "as told");
    auto outcome = co_await inner_.write_transaction(std::move(body));
    co_return outcome;
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(std::move(body));
  }
  std::atomic<bool> refuses{false};
  std::atomic<errc> why{errc::storage_failed};

 private:
  sql::database& inner_;
};

/// A worker on a database that can be made to refuse.
class worker_pulse_test : public worker_test {
 protected:
  ~worker_pulse_test() override { await(one.drain(std::chrono::steady_clock::now())); }

  static provider::catalog_entry entry_of(std::shared_ptr<scripted_provider> model) {
    provider::catalog_entry entry;
    entry.source = std::move(model);
    entry.models = {"model"};
    return entry;
  }
  static worker_options often() {
    worker_options options;
    options.heartbeat = milliseconds(20);
    return options;
  }

  read_only_database database{*database_};
  store::task_queue queue{database, bells_, limits_};
  provider::catalog models{std::vector{entry_of(model_)}, "model"};
  worker one{
      loops_, {queue, log_, models, system_clock(), random_, {}, {}, nullptr}, bells_, often()};
};

// Its lease needs renewal as long as an answer is running.
TEST_F(worker_pulse_test, a_full_disk_does_not_stop_it) {
  model_->will_play({{says("Begun"), hangs()}});
  const auto posted = post();
  one.start();
  eventually([&] { return !await(log_.read(posted.task, std::nullopt, 1000))->runs.empty(); },
             "text");
  database.why = errc::storage_full;
  database.refuses = true;
  const auto refused = std::chrono::steady_clock::now();
  eventually(
      [&] {
        bells_.queue_changed();
        return one.pulse().renewed > refused + milliseconds(100) &&
               one.pulse().claimed > refused + milliseconds(100);
      },
      "rounds though nothing can be written");
  database.refuses = false;
}

TEST_F(worker_pulse_test, a_worker_that_cannot_renew_its_lease_has_no_pulse) {
  model_->will_play({{says("Begun"), hangs()}});
  const auto posted = post();
  one.start();
  eventually([&] { return !await(log_.read(posted.task, std::nullopt, 1000))->runs.empty(); },
             "text");
  database.refuses = true;
  const auto is_late = [&] {
    return std::chrono::steady_clock::now() - one.pulse().renewed > often().heartbeat * 10;
  };
  eventually(is_late, "rounds without a renewal");
  const auto stopped = one.pulse().renewed;
  database.refuses = false;
  eventually([&] { return one.pulse().renewed > stopped; }, "a renewal");
}

TEST_F(worker_pulse_test, a_worker_that_cannot_claim_has_none_though_it_can_read) {
  const auto at_start = one.pulse();
  one.start();
  eventually([&] { return one.pulse().claimed > at_start.claimed; }, "the first claim");
  database.refuses = true;
  const auto refused = std::chrono::steady_clock::now();
  eventually([&] { return one.pulse().renewed > refused; }, "a round of the lease");
  // A claim that was under way may still have come through.
  const auto stopped = one.pulse().claimed;
  const auto rounds = one.pulse().renewed;
  bells_.queue_changed();
  eventually([&] { return one.pulse().renewed > rounds + milliseconds(100); }, "more rounds");
  EXPECT_EQ(one.pulse().claimed, stopped);
  EXPECT_EQ(one.last_progress(), stopped);
  database.refuses = false;
  bells_.queue_changed();
  eventually([&] { return one.pulse().claimed > stopped; }, "a claim");
}

/// A worker that takes what is posted here, as many at once as the test says.
class taking_worker_test : public worker_pulse_test {
 protected:
  static worker_options one_at_a_time() {
    worker_options options;
    options.concurrency = 1;
    return options;
  }
  /// Whether its post rang nobody, for the worker had it already.
  bool is_taken(store::submission& posted) {
    const auto bell = aio::bell::create(loops_[1]);
    const auto watch = bells_.watch_queue(bell);
    posted = post();
    return !bell->is_rung();
  }

  worker single{loops_,
                {queue, log_, models, system_clock(), random_, {}, {}, nullptr},
                bells_,
                one_at_a_time()};
};

TEST_F(taking_worker_test, a_post_begins_at_once_while_there_is_room) {
  submissions_->begin_tasks_at(single.taker());
  model_->will_play({{says("Begun"), hangs()}});
  store::submission first;
  EXPECT_FALSE(is_taken(first)) << "before its first lease it takes nothing";
  EXPECT_EQ(task(first.task).state, store::task_state::ready);
  await(answers_->cancel(loops_[1], "local", first.task));
  single.start();
  eventually(
      [&] {
        if (is_taken(first)) return true;
        await(answers_->cancel(loops_[1], "local", first.task));
        return false;
      },
      "a lease");
  EXPECT_EQ(task(first.task).state, store::task_state::running);
  EXPECT_EQ(single.running(), 1);
  store::submission second;
  EXPECT_FALSE(is_taken(second)) << "it has room for one";
  EXPECT_EQ(task(second.task).state, store::task_state::ready);
  await(answers_->cancel(loops_[1], "local", first.task));
  eventually([&] { return task(second.task).state == store::task_state::running; }, "a claim");
  eventually([&] { return single.running() == 1; }, "every other room given back");
  await(single.drain(std::chrono::steady_clock::now()));
  EXPECT_FALSE(is_taken(second)) << "while it stops it takes nothing";
  EXPECT_EQ(single.running(), 0);
}

TEST_F(worker_test, short_answers_follow_each_other_without_a_pause) {
  concurrency_ = 4;
  model_->will_play({{says("Short"), finishes()}});
  std::vector<task_id> tasks;
  for (int i = 0; i < 400; ++i) tasks.push_back(post().task);
  start_worker();
  // A worker that forgot to claim would look again about once a second: a minute for all of them.
  std::size_t ended = 0;
  const auto all_ended = [&] {
    while (ended < tasks.size() && store::is_terminal(task(tasks[ended]).state)) ++ended;
    return ended == tasks.size();
  };
  eventually(all_ended, "all ends");
  EXPECT_LE(model_->counted.most, 4);
}

TEST_F(worker_test, posts_and_claims_share_the_room_of_a_worker) {
  concurrency_ = 1;
  posts_to_worker_ = true;
  model_->will_play({{says("Short"), finishes()}});
  start_worker();
  std::vector<task_id> tasks;
  for (int i = 0; i < 400; ++i) {
    tasks.push_back(post().task);
    const auto pause = std::chrono::microseconds(100 * (i % 17));
    const auto until = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  }
  for (const task_id id : tasks) {
    eventually([&] { return store::is_terminal(task(id).state); }, "its end");
  }
  EXPECT_EQ(model_->counted.most, 1);
}

TEST_F(worker_test, a_reader_of_an_answer_that_is_written_here_costs_no_question) {
  model_->will_play({{says("Begun"), hangs()}});
  const auto posted = post();
  start_worker();
  eventually([&] { return !await(log_.read(posted.task, std::nullopt, 1000))->runs.empty(); },
             "text");
  questionable_database unsure(*database_);
  store::task_queue silent_queue(unsure, bells_, limits_);
  batched_endings silent_endings(loops_[0], silent_queue);
  answers from_memory(*conversations_, silent_queue, log_, silent_endings, bells_, &running_);
  unsure.refuse_after = 0;
  const auto end = await(from_memory.end_of("local", posted.task));
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->exists);
  EXPECT_EQ(end->attempt, std::nullopt);
  EXPECT_EQ(await(from_memory.end_of("bob", posted.task)).error().code, errc::not_found);
  EXPECT_EQ(unsure.refused, 0);
  ASSERT_TRUE(await(from_memory.remove_conversation("local", posted.conversation)).has_value());
  EXPECT_EQ(await(from_memory.end_of("local", posted.task)).error().code, errc::unavailable);
  EXPECT_EQ(await(from_memory.end_of("bob", posted.task)).error().code, errc::unavailable);
  EXPECT_EQ(unsure.refused, 2) << "what is hidden is not known here";
  EXPECT_EQ(await(answers_->end_of("local", posted.task)).error().code, errc::not_found);
  await(silent_endings.stop());
}

TEST_F(worker_test, the_text_of_more_answers_than_fit_into_a_statement_is_saved) {
  model_->will_play({{says("Begun"), hangs()}});
  std::vector<task_id> tasks;
  for (std::size_t i = 0; i < crew::options().partial_pieces_max * 5 / 2; ++i) {
    tasks.push_back(post().task);
  }
  start_worker();
  for (const task_id task : tasks) {
    eventually([&] { return await(queue_->saved(task))->content == "Begun"; }, "its text");
  }
}

TEST_F(worker_test, an_answer_that_has_ended_is_not_known_here_any_more) {
  model_->will_play({{says("All"), finishes()}});
  const auto posted = post();
  start_worker();
  follow(posted.task);
  eventually([&] { return running_.look("local", posted.task) == running_answers::whose::unknown; },
             "its departure");
  EXPECT_EQ(await(answers_->end_of("local", posted.task))->attempt, 1U);
}

TEST_F(worker_test, the_log_does_not_repeat_what_a_provider_said) {
  const auto file = directory_ / "log";
  const int descriptor = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  log::configure(log::level::debug, log::format::text, descriptor);
  model_->will_play({{says("secret words"), fails(errc::provider_unavailable)},
                     {says("secret words"), fails(errc::provider_refused)}});
  const auto posted = post("secret question");
  start_worker();
  EXPECT_NE(follow(posted.task).find("as told"), std::string::npos);
  stop_worker();
  EXPECT_TRUE(log::flush(seconds(20)));
  log::configure(log::level::off, log::format::text);
  ::close(descriptor);
  std::ifstream written(file);
  const std::string all((std::istreambuf_iterator<char>(written)), {});
  const auto about = "[Task " + posted.task.to_string() + "] ";
  EXPECT_NE(all.find(about + "claimed attempt=1"), std::string::npos) << all;
  EXPECT_NE(all.find(about + "first chunk attempt=1 TTFB: "), std::string::npos) << all;
  EXPECT_NE(all.find(about + "goes back to the queue attempt=1 cause=provider_unavailable delay="),
            std::string::npos)
      << all;
  EXPECT_NE(all.find(about + "failed attempt=2 code=provider_refused chunks=2 "), std::string::npos)
      << all;
  EXPECT_EQ(all.find("secret"), std::string::npos) << all;
  EXPECT_EQ(all.find("as told"), std::string::npos) << all;
}

TEST_F(worker_test, an_answer_goes_from_the_post_to_the_database_and_to_its_readers) {
  model_->will_play({{says("hm", true),
                      says("Hel"),
                      says("lo"),
                      {{provider::usage_report{{7, 2}}}, std::nullopt, false},
                      finishes()}});
  const auto posted = post();
  start_worker();
  EXPECT_EQ(story(follow(posted.task)), "reasoning:hm content:Hel content:lo done=completed");
  const auto stored = message(posted.message);
  EXPECT_EQ(stored.content, "Hello");
  EXPECT_EQ(stored.reasoning, "hm");
  EXPECT_EQ(stored.status, store::message_status::completed);
  EXPECT_EQ(stored.finish_reason, "stop");
  EXPECT_EQ(stored.model, "model");
  EXPECT_EQ(stored.provider, "scripted");
  ASSERT_TRUE(stored.usage);
  EXPECT_EQ(stored.usage->output_tokens, 2);
  EXPECT_FALSE(stored.usage->estimated);
  EXPECT_EQ(task(posted.task).state, store::task_state::succeeded);
  const auto requests = model_->requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].messages.back().content, "question");
}

TEST_F(worker_test, a_failure_that_may_pass_is_tried_again_as_a_new_attempt_with_a_reset) {
  model_->will_play(
      {{says("Wro"), fails(errc::provider_unavailable)}, {says("Right"), finishes()}});
  const auto posted = post();
  start_worker();
  EXPECT_EQ(story(follow(posted.task, stream::position{1, 0})),
            "reset content:Right done=completed");
  EXPECT_EQ(message(posted.message).content, "Right");
  EXPECT_EQ(message(posted.message).attempt, 2U);
  EXPECT_EQ(task(posted.task).failures, 1);
}

TEST_F(worker_test, a_final_failure_keeps_the_text_and_says_why) {
  model_->will_play({{says("So far"), fails(errc::provider_refused)}});
  const auto posted = post();
  start_worker();
  EXPECT_EQ(story(follow(posted.task)), "content:So far error:as told=provider_refused");
  const auto stored = message(posted.message);
  EXPECT_EQ(stored.status, store::message_status::error);
  EXPECT_EQ(stored.content, "So far");
  ASSERT_TRUE(stored.usage);
  EXPECT_TRUE(stored.usage->estimated);
  ASSERT_TRUE(stored.failure);
  EXPECT_FALSE(stored.failure->retryable);
}

TEST_F(worker_test, an_attempt_that_ends_without_text_keeps_the_text_of_the_one_before) {
  model_->will_play({{says("Once "), says("said"), fails(errc::provider_truncated)},
                     {fails(errc::provider_refused)}});
  const auto posted = post();
  start_worker();
  const auto frames = follow(posted.task);
  eventually([&] { return store::is_terminal(task(posted.task).state); }, "the end");
  EXPECT_EQ(message(posted.message).content, "Once said");
  EXPECT_EQ(story(follow(posted.task)), "reset content:Once said error:as told=provider_refused");
}

TEST_F(worker_test, the_budget_of_failures_is_kept) {
  model_->will_play({{fails(errc::provider_unavailable)}});
  const auto posted = post();
  start_worker();
  EXPECT_EQ(story(follow(posted.task)), "reset error:as told=provider_unavailable");
  EXPECT_EQ(model_->requests().size(), 3U);
}

TEST_F(worker_test, a_shortage_of_descriptors_costs_time_and_nothing_of_the_budget) {
  const script short_of = {fails(errc::overloaded)};
  model_->will_play({short_of, short_of, short_of, short_of, {says("There"), finishes()}});
  const auto posted = post();
  start_worker();
  EXPECT_EQ(story(follow(posted.task)), "reset content:There done=completed");
  EXPECT_EQ(task(posted.task).failures, 0);
  EXPECT_EQ(task(posted.task).attempt, 5U);
}

TEST_F(worker_test, stop_closes_the_request_and_keeps_the_text) {
  model_->will_play({{says("Half"), hangs()}});
  const auto posted = post();
  start_worker();
  eventually([&] { return !await(log_.read(posted.task, std::nullopt, 1000))->runs.empty(); },
             "text");
  const auto stopped = await(answers_->cancel(loops_[1], "local", posted.task));
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ(stopped->state, store::task_state::cancelled);
  EXPECT_EQ(story(follow(posted.task)), "content:Half done=cancelled");
  EXPECT_EQ(message(posted.message).content, "Half");
  EXPECT_EQ(message(posted.message).status, store::message_status::cancelled);
}

TEST_F(worker_test, a_task_that_nobody_runs_is_cancelled_with_what_was_saved) {
  const auto posted = post();
  const auto stopped = await(answers_->cancel(loops_[1], "local", posted.task));
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ(stopped->state, store::task_state::cancelled);
  EXPECT_EQ(story(follow(posted.task)), "done=cancelled");
  model_->will_play({{says("never"), finishes()}});
  start_worker();
  const auto other = post();
  follow(other.task);
  EXPECT_EQ(model_->requests().size(), 1U);
}

TEST_F(worker_test, an_answer_over_its_limits_ends_as_length) {
  generation_limits limits;
  limits.answer_bytes_max = 10;
  model_->will_play(
      {{says("12345"), says("67\xE2\x82\xAC\xE2\x82\xAC"), says("never"), finishes()}});
  const auto posted = post();
  start_worker(limits);
  follow(posted.task);
  EXPECT_EQ(message(posted.message).content, "1234567\xE2\x82\xAC");
  EXPECT_EQ(message(posted.message).finish_reason, "length");
}

TEST_F(worker_test, a_log_that_vanishes_is_written_again_identically) {
  model_->will_play({{says("a"), says("b"), says("c"), says("d"), finishes()}});
  for (int after = 0; after < 5; ++after) {
    log_.vanish_after = after;
    const auto posted = post();
    if (!worker_) start_worker();
    const auto frames = follow(posted.task);
    EXPECT_TRUE(story(frames).ends_with("content:d done=completed") || after == 4) << story(frames);
    EXPECT_EQ(message(posted.message).content, "abcd");
  }
}

TEST_F(worker_test, replies_and_appends_that_the_log_loses_cost_nothing) {
  model_->will_play({{says("a"), says("b"), says("c"), finishes()}});
  // Whoever asks the database after the end, and before it is in the log, gets the text from there.
  const auto whole = testing::AnyOf("content:a content:b content:c done=completed",
                                    "content:abc done=completed");
  log_.lose_reply = 2;
  const auto first = post();
  start_worker();
  EXPECT_THAT(story(follow(first.task)), whole);
  log_.refuse = 3;
  const auto second = post();
  EXPECT_THAT(story(follow(second.task)), whole);
}

TEST_F(worker_test, going_down_hands_answers_back_without_counting_a_failure) {
  model_->will_play({{says("Begun"), hangs()}, {says("Whole"), finishes()}});
  const auto posted = post();
  start_worker();
  eventually([&] { return !await(log_.read(posted.task, std::nullopt, 1000))->runs.empty(); },
             "text");
  stop_worker();
  EXPECT_FALSE(store::is_terminal(task(posted.task).state));
  EXPECT_EQ(await(queue_->saved(posted.task))->content, "Begun");
  start_worker();
  EXPECT_EQ(story(follow(posted.task, stream::position{1, 0})),
            "reset content:Whole done=completed");
  EXPECT_EQ(task(posted.task).failures, 0);
}

TEST_F(worker_test, what_a_crash_left_is_begun_again_after_recovery) {
  model_->will_play({{says("Whole"), finishes()}});
  const auto posted = post();
  const auto dead = worker_id::generate();
  ASSERT_TRUE(await(queue_->heartbeat(dead, milliseconds(4000))).has_value());
  const auto claimed = await(queue_->claim(dead, {"default"}, 10));
  ASSERT_EQ(claimed->size(), 1U);
  ASSERT_EQ(*await(queue_->recover()), 1);
  start_worker();
  EXPECT_EQ(story(follow(posted.task)), "reset content:Whole done=completed");
  // The dead one comes back and may say nothing.
  const auto late = await(queue_->finish(
      claimed->front().held,
      make_saved_ending(store::task_state::succeeded, 1, {}, posted.message, std::nullopt)));
  EXPECT_FALSE(*late);
  EXPECT_EQ(message(posted.message).content, "Whole");
}

TEST_F(worker_test, a_task_whose_budget_workers_have_spent_ends_with_an_error) {
  const auto posted = post();
  for (int i = 0; i < 3; ++i) {
    const auto dead = worker_id::generate();
    ASSERT_TRUE(await(queue_->heartbeat(dead, milliseconds(0))).has_value());
    ASSERT_EQ(await(queue_->claim(dead, {"default"}, 10))->size(), 1U);
    ASSERT_EQ(*await(queue_->reap(10)), 1);
  }
  model_->will_play({{says("never"), finishes()}});
  start_worker();
  follow(posted.task);
  EXPECT_EQ(message(posted.message).failure->code, "worker_lost");
  EXPECT_TRUE(model_->requests().empty());
}

TEST_F(worker_test, an_answer_that_has_had_all_its_attempts_ends_at_once) {
  const auto posted = post();
  const auto dead = worker_id::generate();
  ASSERT_TRUE(await(queue_->heartbeat(dead, milliseconds(4000))).has_value());
  ASSERT_EQ(await(queue_->claim(dead, {"default"}, 10))->size(), 1U);
  ASSERT_EQ(*await(queue_->recover()), 1);
  model_->will_play({{says("never"), finishes()}});
  generation_limits limits;
  limits.attempts_max = 1;
  start_worker(limits);
  follow(posted.task);
  const auto stored = message(posted.message);
  EXPECT_EQ(stored.failure->code, "worker_lost");
  EXPECT_EQ(stored.attempt, 2U) << "it was put back into the queue";
  EXPECT_TRUE(model_->requests().empty());
}

// It never asked the model, so it cannot be what ends the process each time.
TEST_F(worker_test, attempts_that_found_no_descriptor_are_not_among_those_it_may_have) {
  const script short_of = {fails(errc::overloaded)};
  model_->will_play({short_of, short_of, {says("There"), finishes()}});
  const auto posted = post();
  generation_limits limits;
  limits.attempts_max = 1;
  start_worker(limits);
  EXPECT_EQ(story(follow(posted.task)), "reset content:There done=completed");
  EXPECT_EQ(task(posted.task).attempt, 3U);
}

TEST_F(worker_test, what_a_log_has_lost_waits_for_the_database_to_say_whose_it_is) {
  questionable_database unsure(*database_);
  store::task_queue queue(unsure, bells_, limits_);
  model_->will_play({{says("a"), says("b"), hangs()}});
  provider::catalog_entry entry;
  entry.source = model_;
  entry.models = {"model"};
  provider::catalog models(std::vector{entry}, "model");
  const generation_services services{queue, log_, models, system_clock(), random_, {}, {}, nullptr};
  const auto posted = post();
  const auto self = worker_id::generate();
  ASSERT_TRUE(await(queue_->heartbeat(self, milliseconds(4000))).has_value());
  auto claimed = await(queue_->claim(self, {"default"}, 1));
  ASSERT_EQ(claimed->size(), 1U);
  unsure.refuse_after = 0;  // the context came with the claim
  log_.vanish_after = 0;
  generation one(loops_[1], services, claimed->front());
  auto ended = boost::asio::co_spawn(loops_[1].get_executor(), one.run(), boost::asio::use_future);
  eventually([&] { return unsure.refused.load() > 0; }, "the question whose the task is");
  EXPECT_FALSE(await(log_.read(posted.task, std::nullopt, 1000))->exists);
  await(stop_one(one));
  ended.get();
  EXPECT_EQ(story(follow(posted.task)), "content:a content:b done=cancelled");
}

TEST_F(worker_test, many_answers_at_once_each_end_once) {
  script play;
  for (int i = 0; i < 50; ++i) play.push_back(says("w" + std::to_string(i) + " "));
  play.push_back(finishes());
  model_->will_play({play});
  start_worker();
  std::vector<store::submission> all;
  for (int i = 0; i < 100; ++i) all.push_back(post());
  const auto expected = story(follow(all[0].task));
  for (const auto& one : all) EXPECT_EQ(story(follow(one.task)), expected);
  EXPECT_EQ(model_->requests().size(), 100U);
  EXPECT_EQ(*await(queue_->check()), 0);
}

}  // namespace
}  // namespace throughline::engine
