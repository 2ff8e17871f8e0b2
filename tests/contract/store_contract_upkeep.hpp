// Cleaning, purging, and answers that outlive their tasks.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, an_answer_whose_task_was_cleaned_away_still_has_its_ending) {
  const auto posted = post(ann, "question");
  const auto open = post(ann, "open");
  const auto unknown = task_id::generate();
  const auto worker = start_worker();
  finish(claim_one(worker), "answer");
  task_queue::cleaning now;
  now.task_retention = milliseconds(-1000);
  const auto cleaned = get(queue_->clean(now));
  EXPECT_EQ(cleaned.tasks, 1);
  EXPECT_FALSE(cleaned.more);
  EXPECT_EQ(count("tasks"), 1);
  EXPECT_EQ(count("attempts"), 0);
  const auto ends = get(queue_->terminals({unknown, posted.task, open.task, posted.task}));
  ASSERT_EQ(ends.size(), 4U);
  EXPECT_FALSE(ends[0].exists);
  EXPECT_EQ(ends[0].task, unknown);
  EXPECT_TRUE(ends[1].exists);
  EXPECT_EQ(ends[1].attempt, 1U);
  EXPECT_EQ(ends[1].index, 7U);
  EXPECT_TRUE(ends[2].exists);
  EXPECT_EQ(ends[2].attempt, std::nullopt);
  EXPECT_EQ(ends[3].index, 7U);
  EXPECT_EQ(get(queue_->ending_of(posted.task)).how.content, "answer");
  EXPECT_TRUE(may_follow(ann, posted.task));
  EXPECT_FALSE(may_follow(bob, posted.task));
  EXPECT_EQ(task_of(ann, posted.task).state, task_state::succeeded);
  EXPECT_EQ(cancel(ann, posted.task).state, task_state::succeeded);
  EXPECT_EQ(refusal(queue_->cancel(bob, posted.task, cancelled_ending)), errc::not_found);
  EXPECT_TRUE(get(queue_->attempts(ann, posted.task)).empty());
  EXPECT_EQ(get(queue_->task_of(ann, posted.conversation, posted.message)), posted.task);
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::completed);
  EXPECT_EQ(get(posts_->regenerate(ann, posted.message, {})).user_message, posted.user_message);
  EXPECT_EQ(refusal(queue_->ending_of(unknown)), errc::not_found);
  EXPECT_EQ(refusal(queue_->ending_of(open.task)), errc::conflict);
}

TEST_P(store_contract, cleaning_goes_in_bounded_steps_and_spares_what_is_young_or_open) {
  submit_options options;
  for (int i = 0; i < 7; ++i) {
    options.once = idempotency{"key-" + std::to_string(i), "hash"};
    cancel(ann, post_with(ann, options).task);
  }
  post(ann, "open");
  EXPECT_EQ(get(queue_->clean({})).tasks, 0);
  task_queue::cleaning now;
  now.task_retention = milliseconds(-1000);
  now.key_retention = milliseconds(-1000);
  now.batch = 3;
  auto cleaned = get(queue_->clean(now));
  EXPECT_EQ(cleaned.tasks, 3);
  EXPECT_EQ(cleaned.keys, 3);
  EXPECT_TRUE(cleaned.more);
  get(queue_->clean(now));
  cleaned = get(queue_->clean(now));
  EXPECT_EQ(cleaned.tasks, 1);
  EXPECT_FALSE(cleaned.more);
  EXPECT_EQ(count("tasks"), 1);
  EXPECT_EQ(count("idempotency_keys"), 0);
}

TEST_P(store_contract, workers_that_are_long_gone_are_forgotten) {
  start_worker();
  const auto gone = start_worker();
  ask("UPDATE workers SET expires_at = 1 WHERE id = $1", {gone});
  get(queue_->clean({}));
  EXPECT_EQ(count("workers"), 1);
}

TEST_P(store_contract, a_hidden_conversation_is_purged_when_its_answers_have_ended) {
  const auto posted = post(ann, "secret");
  const auto second = post_in(ann, posted.conversation, "more");
  const auto kept = post(ann, "kept");
  const auto before = rev_of(ann);
  get(talk_->remove(ann, posted.conversation));
  task_queue::cleaning now;
  EXPECT_EQ(get(queue_->clean(now)).conversations, 0) << "too early";
  now.purge_after = milliseconds(-1000);
  EXPECT_EQ(get(queue_->clean(now)).conversations, 0) << "an answer is open";
  cancel(ann, posted.task);
  cancel(ann, second.task);
  const auto cleaned = get(queue_->clean(now));
  EXPECT_EQ(cleaned.conversations, 1);
  EXPECT_EQ(std::set<task_id>(cleaned.purged_tasks.begin(), cleaned.purged_tasks.end()),
            (std::set<task_id>{posted.task, second.task}));
  EXPECT_FALSE(cleaned.more);
  EXPECT_EQ(count("messages"), 2);
  EXPECT_EQ(count("tasks"), 1);
  EXPECT_EQ(count("conversations WHERE title = 'secret'"), 0);
  EXPECT_EQ(refusal(talk_->restore(ann, posted.conversation)), errc::not_found);
  const auto since = get(talk_->changes_since(ann, before, 100));
  ASSERT_EQ(since.conversations.size(), 1U);
  EXPECT_TRUE(since.conversations[0].deleted) << "who was away for long hears of it too";
  EXPECT_EQ(get(queue_->clean(now)).conversations, 0);
  EXPECT_EQ(message_of(ann, kept.message).status, message_status::queued);
  EXPECT_FALSE(get(queue_->terminals({posted.task}))[0].exists);
}

TEST_P(store_contract, a_long_conversation_is_purged_step_by_step_and_not_restored_meanwhile) {
  const auto first = post(ann, "1");
  cancel(ann, first.task);
  for (int i = 2; i <= 5; ++i)
    cancel(ann, post_in(ann, first.conversation, std::to_string(i)).task);
  get(talk_->remove(ann, first.conversation));
  task_queue::cleaning now;
  now.purge_after = milliseconds(-1000);
  now.batch = 4;
  auto cleaned = get(queue_->clean(now));
  EXPECT_TRUE(cleaned.more);
  EXPECT_EQ(cleaned.conversations, 0);
  EXPECT_EQ(count("messages"), 6);
  EXPECT_EQ(refusal(talk_->restore(ann, first.conversation)), errc::not_found);
  std::size_t purged = cleaned.purged_tasks.size();
  for (int i = 0; i < 2; ++i) {
    cleaned = get(queue_->clean(now));
    purged += cleaned.purged_tasks.size();
  }
  EXPECT_EQ(cleaned.conversations, 1);
  EXPECT_EQ(purged, 5U);
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(count("tasks"), 0);
}

TEST_P(store_contract, the_census_counts_what_has_not_ended_by_queue_and_state) {
  EXPECT_TRUE(get(queue_->census()).empty());
  const auto first = post(ann, "first");
  post_in(ann, first.conversation, "behind it", {});
  submit_options mails;
  mails.queue = "email";
  post_with(bob, mails);
  const auto ended = post(bob, "ended");
  cancel(bob, ended.task);
  std::map<std::pair<std::string, task_state>, std::int64_t> counts;
  for (const auto& line : get(queue_->census())) {
    counts[{line.queue, line.state}] = line.count;
    EXPECT_GE(line.oldest.count(), 0);
    EXPECT_LT(line.oldest, std::chrono::minutes(5));
  }
  using expected = std::map<std::pair<std::string, task_state>, std::int64_t>;
  EXPECT_EQ(counts, (expected{{{"default", task_state::ready}, 1},
                              {{"default", task_state::blocked}, 1},
                              {{"email", task_state::ready}, 1}}));
}

}  // namespace throughline::store
