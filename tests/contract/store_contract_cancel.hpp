// Cancelling, in every state a task can be in.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, cancelling_a_ready_task_ends_it_at_once_with_a_new_attempt) {
  const auto posted = post(ann, "question");
  bells_.forget();
  const auto rev = rev_of(ann);
  const auto outcome = cancel(ann, posted.task);
  EXPECT_EQ(outcome.state, task_state::cancelled);
  EXPECT_FALSE(outcome.was_running);
  EXPECT_TRUE(bells_.has_ended(posted.task));
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::cancelled);
  EXPECT_EQ(message_of(ann, posted.message).rev, rev + 1);
  const auto stored = get(queue_->ending_of(posted.task));
  EXPECT_EQ(stored.attempt, 1U);
  EXPECT_EQ(stored.how.state, task_state::cancelled);
  EXPECT_EQ(stored.how.terminal_index, 1U);
  EXPECT_TRUE(claim(start_worker()).empty());
  expect_sound();
}

TEST_P(store_contract, cancelling_a_blocked_task_leaves_the_one_in_front_alone) {
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  const auto third = post_in(ann, first.conversation, "three");
  EXPECT_EQ(cancel(ann, second.task).state, task_state::cancelled);
  expect_sound();
  const auto worker = start_worker();
  finish(claim_one(worker));
  EXPECT_EQ(claim_one(worker).held.task, third.task);
  expect_sound();
}

TEST_P(store_contract, cancelling_the_first_lets_the_next_one_go_on) {
  use_cap(1);
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  const auto other = post(ann, "waits");
  EXPECT_EQ(state_of(other.task), task_state::waiting);
  cancel(ann, first.task);
  expect_sound();
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 1);
  EXPECT_EQ(count("tasks WHERE state = 'waiting'"), 1);
  cancel(ann, other.task);
  cancel(ann, second.task);
  EXPECT_EQ(count("tasks WHERE state = 'cancelled'"), 3);
  expect_sound();
}

TEST_P(store_contract, cancelling_frees_the_slot_for_another_queue_of_the_conversation) {
  use_cap(1);
  submit_options email;
  email.queue = "email";
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two", email);
  cancel(ann, first.task);
  EXPECT_EQ(state_of(second.task), task_state::ready);
  expect_sound();
}

TEST_P(store_contract, cancelling_a_delayed_task_keeps_the_text_of_its_attempts) {
  const auto posted = post(ann, "question");
  const auto task = claim_one(start_worker());
  save(task, 0, "so far", "thought");
  requeue(task, seconds(3600));
  EXPECT_EQ(cancel(ann, posted.task).state, task_state::cancelled);
  const auto written = message_of(ann, posted.message);
  EXPECT_EQ(written.status, message_status::cancelled);
  EXPECT_EQ(written.content, "so far");
  EXPECT_EQ(written.reasoning, "thought");
  EXPECT_EQ(written.attempt, 2U);
  EXPECT_EQ(count("partials"), 0);
  EXPECT_FALSE(finish(task, "too late"));
  EXPECT_EQ(requeue(task, seconds(1)), task_queue::requeue_result::lost);
  EXPECT_EQ(message_of(ann, posted.message).content, "so far");
  EXPECT_EQ(get(queue_->make_due()), std::nullopt);
  expect_sound();
}

TEST_P(store_contract, cancelling_a_running_task_asks_its_worker) {
  const auto posted = post(ann, "question");
  const auto worker = start_worker();
  const auto task = claim_one(worker);
  const auto before = rev_of(ann);
  auto outcome = cancel(ann, posted.task);
  EXPECT_TRUE(outcome.was_running);
  EXPECT_EQ(outcome.state, task_state::running);
  EXPECT_TRUE(bells_.was_cancel_requested(posted.task));
  EXPECT_TRUE(task_of(ann, posted.task).cancel_requested);
  EXPECT_EQ(rev_of(ann), before + 1);
  bells_.forget();
  outcome = cancel(ann, posted.task);
  EXPECT_TRUE(outcome.was_running);
  EXPECT_TRUE(bells_.was_cancel_requested(posted.task));
  EXPECT_EQ(rev_of(ann), before + 1) << "asking again changes nothing";
  EXPECT_TRUE(get(queue_->heartbeat(worker, lease)).held[0].cancel_requested);
  EXPECT_TRUE(finish(task)) << "it had finished first";
  EXPECT_EQ(cancel(ann, posted.task).state, task_state::succeeded);
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::completed);
}

TEST_P(store_contract, a_running_task_of_a_dead_worker_is_ended_by_whoever_cancels_it) {
  const auto posted = post(ann, "question");
  const auto next = post_in(ann, posted.conversation, "next");
  const auto dead = start_worker();
  const auto zombie = claim_one(dead);
  save(zombie, 0, "so far");
  EXPECT_TRUE(cancel(ann, posted.task).was_running) << "requested while it was alive";
  let_lease_expire(dead);
  const auto outcome = cancel(ann, posted.task);
  EXPECT_FALSE(outcome.was_running);
  EXPECT_EQ(outcome.state, task_state::cancelled);
  EXPECT_EQ(message_of(ann, posted.message).content, "so far");
  EXPECT_FALSE(finish(zombie, "late"));
  EXPECT_EQ(get(queue_->ending_of(posted.task)).attempt, 2U);
  EXPECT_EQ(get(queue_->attempts(ann, posted.task))[0].failure->code, "worker_lost");
  EXPECT_EQ(state_of(next.task), task_state::ready);
  expect_sound();
}

TEST_P(store_contract, cancelling_what_has_ended_answers_how) {
  const auto posted = post(ann, "question");
  cancel(ann, posted.task);
  const auto rev = rev_of(ann);
  EXPECT_EQ(cancel(ann, posted.task).state, task_state::cancelled);
  EXPECT_EQ(rev_of(ann), rev);
  EXPECT_EQ(get(queue_->ending_of(posted.task)).attempt, 1U);
}

TEST_P(store_contract, nobody_cancels_somebody_elses_task) {
  const auto posted = post(ann, "question");
  EXPECT_EQ(refusal(queue_->cancel(bob, posted.task, cancelled_ending)), errc::not_found);
  EXPECT_EQ(refusal(queue_->cancel(ann, task_id::generate(), cancelled_ending)), errc::not_found);
  EXPECT_EQ(state_of(posted.task), task_state::ready);
}

TEST_P(store_contract, a_reaped_task_whose_cancel_was_requested_says_so_when_it_is_claimed) {
  const auto posted = post(ann, "question");
  const auto dead = start_worker();
  claim_one(dead);
  cancel(ann, posted.task);
  let_lease_expire(dead);
  get(queue_->reap(10));
  EXPECT_TRUE(claim_one(start_worker()).cancel_requested);
}

}  // namespace throughline::store
