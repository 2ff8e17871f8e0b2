// A commit in doubt is repeated: whatever runs twice has happened once.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, submissions_whose_commit_was_in_doubt_happen_once) {
  lose_every_reply();
  const auto posted = post(ann, "hello");
  EXPECT_FALSE(posted.replayed);
  EXPECT_EQ(count("messages"), 2);
  EXPECT_EQ(message_of(ann, posted.message).parent, posted.user_message);
  const auto edited = get(posts_->edit(ann, posted.user_message, "other", {}));
  EXPECT_EQ(message_of(ann, edited.message).parent, edited.user_message);
  const auto again = get(posts_->regenerate(ann, posted.message, {}));
  EXPECT_EQ(again.user_message, posted.user_message);
  EXPECT_EQ(count("messages"), 5);
  EXPECT_EQ(count("tasks"), 3);
  submit_options options;
  options.once = idempotency{"key", "hash"};
  bells_.forget();
  EXPECT_FALSE(post_with(ann, options).replayed) << "it is the one that did it";
  EXPECT_EQ(bells_.rings_of(ann), 1);
  EXPECT_TRUE(post_with(ann, options).replayed);
  EXPECT_EQ(count("tasks"), 4);
  expect_sound();
}

TEST_P(store_contract, the_end_of_a_task_whose_commit_was_in_doubt_happens_once) {
  const auto worker = start_worker();
  const auto finished = post(ann, "finish");
  const auto first = claim_one(worker);
  const auto requeued = post(ann, "requeue");
  const auto second = claim_one(worker);
  const auto cancelled = post(ann, "cancel");
  lose_every_reply();
  bells_.forget();
  EXPECT_TRUE(finish(first, "once"));
  EXPECT_TRUE(bells_.has_ended(finished.task));
  EXPECT_EQ(message_of(ann, finished.message).content, "once");
  EXPECT_EQ(requeue(second, seconds(60)), task_queue::requeue_result::requeued);
  EXPECT_EQ(task_of(ann, requeued.task).failures, 1);
  const auto outcome = cancel(ann, cancelled.task);
  EXPECT_EQ(outcome.state, task_state::cancelled);
  EXPECT_EQ(get(queue_->ending_of(cancelled.task)).attempt, 1U);
  EXPECT_TRUE(bells_.has_ended(cancelled.task)) << "the transaction that did it rang nothing";
  expect_sound();
}

TEST_P(store_contract, conversations_whose_commit_was_in_doubt_change_once) {
  lose_every_reply();
  new_conversation fields;
  fields.title = "once";
  const auto made = get(talk_->create(ann, fields));
  EXPECT_EQ(count("conversations"), 1);
  conversation_patch patch;
  patch.title = "twice";
  EXPECT_EQ(get(talk_->patch(ann, made.id, patch)).title, "twice");
  const auto posted = post_in(ann, made.id, "hello");
  EXPECT_EQ(get(talk_->remove(ann, made.id)), std::vector<task_id>{posted.task});
  EXPECT_EQ(get(talk_->restore(ann, made.id)).title, "twice");
  EXPECT_EQ(refusal(talk_->remove(bob, made.id)), errc::not_found);
}

}  // namespace throughline::store
