// A transaction that was rolled back runs again: SQLite loses a whole group of transactions with
// one of them. What the first run saw must not be taken for something that was committed.
#include "contract/store_fixture.hpp"
#include "contract/store_recording_taker.hpp"

namespace throughline::store {
namespace {

/// Runs every transaction once for nothing: whatever came of it, it is rolled back, and it runs
/// again.
class forgetful_database final : public sql::database {
 public:
  explicit forgetful_database(sql::database& inner) : inner_(inner) {}

  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    const sql::transaction_body lost = [body](sql::transaction& in) {
      return run_and_fail(in, body);
    };
    [[maybe_unused]] const auto first = co_await inner_.write_transaction(lost);
    auto second = co_await inner_.write_transaction(body);
    co_return second;
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(std::move(body));
  }

 private:
  static aio::awaitable<result<void>> run_and_fail(sql::transaction& in,
                                                   sql::transaction_body body) {
    [[maybe_unused]] const auto outcome = co_await body(in);
    co_return fail(errc::storage_failed, "the group was lost");
  }

  sql::database& inner_;
};

TEST_P(store_contract, a_deletion_that_runs_again_is_refused_as_it_was_the_first_time) {
  const auto posted = post(ann, "hello");
  forgetful_database forgetful(recorded_);
  use_database(forgetful);
  EXPECT_EQ(refusal(talk_->remove(bob, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->remove(bob, conversation_id::generate())), errc::not_found);
  EXPECT_EQ(count("tasks WHERE cancel_requested = 1"), 0) << "somebody else's answer was stopped";
  EXPECT_EQ(get(talk_->remove(ann, posted.conversation)), std::vector<task_id>{posted.task});
}

TEST_P(store_contract, a_post_that_was_rolled_back_and_runs_again_begins_once) {
  forgetful_database forgetful(recorded_);
  use_database(forgetful);
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  const auto posted = post(ann, "question");
  ASSERT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.started[0].held.task, posted.task);
  EXPECT_TRUE(get(queue_->holds(local.started[0].held)));
}

TEST_P(store_contract, a_post_that_runs_again_keeps_room_for_the_provider_it_then_has) {
  forgetful_database forgetful(recorded_);
  use_database(forgetful);
  std::string provider = "first";
  posts_->find_providers_with([&](const auto&) { return std::exchange(provider, "second"); });
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  post(ann, "question");
  ASSERT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.started[0].provider, "second");
  EXPECT_EQ(local.rooms, 99);
  EXPECT_EQ(count("tasks WHERE provider = 'second'"), 1);
}

TEST_P(store_contract, what_was_rolled_back_and_runs_again_happens_once) {
  forgetful_database forgetful(recorded_);
  use_database(forgetful);
  submit_options options;
  options.once = idempotency{"key", "hash"};
  const auto posted = post_with(ann, options);
  EXPECT_FALSE(posted.replayed);
  EXPECT_TRUE(post_with(ann, options).replayed);
  EXPECT_EQ(count("tasks"), 1);
  const auto worker = start_worker();
  const auto claimed = claim_one(worker);
  EXPECT_EQ(claimed.held.attempt, 1U);
  EXPECT_EQ(requeue(claimed, milliseconds(0)), task_queue::requeue_result::requeued);
  EXPECT_EQ(task_of(ann, posted.task).failures, 1);
  EXPECT_EQ(cancel(ann, posted.task).state, task_state::cancelled);
  EXPECT_EQ(get(queue_->ending_of(posted.task)).attempt, 2U);
  expect_sound();
}

}  // namespace
}  // namespace throughline::store
