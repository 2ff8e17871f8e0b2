// Posts that a worker of the same process takes at once: the queue is passed by, and nothing else
// changes.
#pragma once

#include "contract/store_fixture.hpp"
#include "contract/store_recording_taker.hpp"

namespace throughline::store {

TEST_P(store_contract, a_post_begins_at_a_worker_that_has_room) {
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  submit_options options;
  options.model = "model-1";
  const auto posted = post_with(ann, options);
  EXPECT_EQ(bells_.queue_rings(), 0);
  EXPECT_EQ(bells_.rings_of(ann), 1);
  ASSERT_EQ(local.started.size(), 1U);
  const auto& task = local.started[0];
  EXPECT_EQ(task.held.task, posted.task);
  EXPECT_EQ(task.held.attempt, 1U);
  EXPECT_EQ(task.owner, ann);
  EXPECT_EQ(task.conversation, posted.conversation);
  EXPECT_EQ(task.message, posted.message);
  EXPECT_EQ(task.model, "model-1");
  EXPECT_EQ(task.failures, 0);
  EXPECT_EQ(task.failures_max, limits_.failures_max);
  EXPECT_FALSE(task.cancel_requested);
  EXPECT_EQ(state_of(posted.task), task_state::running);
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::generating);
  EXPECT_TRUE(get(queue_->holds(task.held)));
  EXPECT_EQ(get(queue_->heartbeat(task.held.worker, lease)).held.size(), 1U);
  EXPECT_TRUE(claim(start_worker()).empty());
  expect_sound();
  EXPECT_TRUE(finish(task));
  const auto tries = get(queue_->attempts(ann, posted.task));
  ASSERT_EQ(tries.size(), 1U);
  EXPECT_EQ(tries[0].worker, task.held.worker);
  EXPECT_EQ(task_of(ann, posted.task).started_at, tries[0].started_at);
  expect_sound();
}

TEST_P(store_contract, a_worker_that_takes_a_post_knows_what_to_answer) {
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  new_conversation fields;
  fields.system_prompt = "be brief";
  fields.model = "model-2";
  const auto talk = get(talk_->create(ann, fields)).id;
  post(ann, "alone");
  const auto first = post_in(ann, talk, "question");
  const auto edited = get(posts_->edit(ann, first.user_message, "better", {}));
  ASSERT_EQ(local.started.size(), 2U) << "the second of a conversation waits for the first";
  EXPECT_EQ(local.started[1].model, "model-2");
  for (const auto& task : local.started) {
    ASSERT_TRUE(task.context.has_value());
    const auto read = get(queue_->context(task.held, 1'000'000));
    ASSERT_EQ(task.context->size(), read.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ((*task.context)[i].from, read[i].from);
      EXPECT_EQ((*task.context)[i].content, read[i].content);
    }
  }
  finish(local.started[1]);
  finish(claim_one(start_worker()));
  const auto follow_up = post_in(ann, talk, "and?");
  EXPECT_EQ(local.started.back().held.task, follow_up.task);
  EXPECT_FALSE(local.started.back().context.has_value()) << "there is more to read";
  EXPECT_NE(edited.task, follow_up.task);
}

TEST_P(store_contract, nobody_is_passed_in_the_queue) {
  const auto earlier = post(ann, "earlier");
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  const auto later = post(bob, "later");
  EXPECT_EQ(state_of(later.task), task_state::ready);
  EXPECT_EQ(claim_one(start_worker()).held.task, earlier.task);
  EXPECT_EQ(claim_one(start_worker()).held.task, later.task);
  EXPECT_TRUE(local.started.empty());
  EXPECT_EQ(local.rooms, 100);
  EXPECT_GT(bells_.queue_rings(), 1);
}

TEST_P(store_contract, what_is_not_due_or_not_first_goes_through_the_queue) {
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  submit_options later;
  later.run_at = system_clock().wall_now() + seconds(3600);
  EXPECT_EQ(state_of(post_with(ann, later).task), task_state::delayed);
  submit_options elsewhere;
  elsewhere.queue = "email";
  const auto other = post_with(ann, elsewhere);
  EXPECT_EQ(state_of(other.task), task_state::ready);
  EXPECT_TRUE(local.started.empty());
  const auto first = post(ann, "first");
  const auto second = post_in(ann, first.conversation, "second");
  EXPECT_EQ(state_of(second.task), task_state::blocked);
  ASSERT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.rooms, 99);
  bells_.forget();
  finish(local.started[0]);
  EXPECT_EQ(bells_.queue_rings(), 1) << "the second is ready";
  EXPECT_EQ(claim_one(start_worker()).held.task, second.task);
  expect_sound();
}

TEST_P(store_contract, an_end_that_frees_nobody_rings_no_worker) {
  post(ann, "question");
  const auto task = claim_one(start_worker());
  bells_.forget();
  finish(task);
  EXPECT_EQ(bells_.queue_rings(), 0);
  EXPECT_TRUE(finish(task));
  EXPECT_EQ(bells_.queue_rings(), 1) << "what an earlier call has freed is not known";
}

TEST_P(store_contract, a_worker_that_takes_posts_keeps_to_the_cap) {
  use_cap(2);
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  for (int i = 0; i < 3; ++i) post(ann, "a");
  EXPECT_EQ(local.started.size(), 2U);
  EXPECT_EQ(count("tasks WHERE state = 'waiting'"), 1);
  post(bob, "b");
  EXPECT_EQ(local.started.size(), 3U) << "another owner has slots of his own";
  expect_sound();
  finish(local.started[0]);
  EXPECT_EQ(count("tasks WHERE state = 'waiting'"), 0);
  expect_sound();
}

TEST_P(store_contract, without_room_a_post_waits_for_a_claim) {
  recording_taker local(start_worker());
  local.rooms = 0;
  posts_->begin_tasks_at(local);
  const auto posted = post(ann, "question");
  EXPECT_EQ(state_of(posted.task), task_state::ready);
  EXPECT_EQ(local.rooms, 0);
  EXPECT_EQ(bells_.queue_rings(), 1);
}

TEST_P(store_contract, a_refused_post_gives_its_room_back) {
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  EXPECT_EQ(refusal(posts_->post(ann, conversation_id::generate(), "x", std::nullopt, {})),
            errc::not_found);
  submit_options options;
  options.once = idempotency{"key", "hash"};
  post_with(ann, options);
  EXPECT_TRUE(post_with(ann, options).replayed);
  EXPECT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.rooms, 99);
}

TEST_P(store_contract, a_post_whose_commit_was_in_doubt_begins_once) {
  lose_every_reply();
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  const auto posted = post(ann, "question");
  submit_options options;
  options.once = idempotency{"key", "hash"};
  const auto second = post_with(ann, options);
  ASSERT_EQ(local.started.size(), 2U);
  EXPECT_EQ(local.started[0].held.task, posted.task);
  EXPECT_EQ(local.started[1].held.task, second.task);
  for (const auto& task : local.started) EXPECT_TRUE(get(queue_->holds(task.held)));
  EXPECT_EQ(local.rooms, 98);
  expect_sound();
}

TEST_P(store_contract, an_answer_tried_again_stays_in_its_queue) {
  submit_options options;
  options.queue = "email";
  const auto posted = post_with(ann, options);
  cancel(ann, posted.task);
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  const auto again = get(posts_->retry(ann, posted.task, {}));
  EXPECT_EQ(state_of(again.task), task_state::ready);
  EXPECT_EQ(local.rooms, 100);
}

TEST_P(store_contract, what_a_dead_worker_took_is_taken_over_as_ever) {
  const auto dead = start_worker();
  recording_taker local(dead);
  posts_->begin_tasks_at(local);
  const auto posted = post(ann, "question");
  let_lease_expire(dead);
  EXPECT_EQ(get(queue_->reap(10)), 1);
  const auto second = claim_one(start_worker());
  EXPECT_EQ(second.held.attempt, 2U);
  EXPECT_FALSE(finish(local.started[0]));
  EXPECT_TRUE(finish(second));
  const auto tries = get(queue_->attempts(ann, posted.task));
  ASSERT_EQ(tries.size(), 2U);
  EXPECT_EQ(tries[0].worker, dead);
  EXPECT_EQ(tries[0].failure->code, "worker_lost");
  EXPECT_FALSE(tries[1].failure.has_value());
}

TEST_P(store_contract, what_was_taken_and_is_running_at_a_start_begins_again) {
  recording_taker local(start_worker());
  posts_->begin_tasks_at(local);
  const auto posted = post(ann, "question");
  EXPECT_EQ(get(queue_->recover()), 1);
  const auto tries = get(queue_->attempts(ann, posted.task));
  ASSERT_EQ(tries.size(), 1U);
  EXPECT_TRUE(tries[0].finished_at.has_value());
  EXPECT_EQ(claim_one(start_worker()).held.attempt, 2U);
}

}  // namespace throughline::store
