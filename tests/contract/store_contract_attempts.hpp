// Attempts: leases, fencing, finishing and handing back.
#pragma once

#include "contract/store_fixture.hpp"
#include "store/statements_queue.hpp"

namespace throughline::store {

TEST_P(store_contract, a_heartbeat_says_what_is_held_and_whether_the_lease_was_lost) {
  const auto a = post(ann, "a");
  const auto b = post(ann, "b");
  const auto worker = worker_id::generate();
  EXPECT_TRUE(get(queue_->heartbeat(worker, lease)).lease_was_lost) << "there was none";
  claim(worker);
  cancel(ann, b.task);
  auto heard = get(queue_->heartbeat(worker, already_over));
  EXPECT_FALSE(heard.lease_was_lost);
  ASSERT_EQ(heard.held.size(), 2U);
  for (const auto& one : heard.held) {
    EXPECT_EQ(one.attempt, 1U);
    EXPECT_EQ(one.cancel_requested, one.task == b.task);
  }
  EXPECT_TRUE(get(queue_->heartbeat(worker, lease)).lease_was_lost);
  EXPECT_FALSE(get(queue_->heartbeat(worker, lease)).lease_was_lost);
  EXPECT_NE(a.task, b.task);
}

TEST_P(store_contract, a_dead_workers_tasks_are_taken_by_another_and_it_cannot_write_any_more) {
  use_cap(1);
  const auto posted = post(ann, "question");
  post(ann, "waits for the slot");
  const auto dead = start_worker();
  const auto alive = start_worker();
  const auto zombie = claim_one(dead);
  save(zombie, 0, "old");
  EXPECT_EQ(get(queue_->reap(10)), 0) << "its lease holds";
  let_lease_expire(dead);
  bells_.forget();
  EXPECT_EQ(get(queue_->reap(10)), 1);
  EXPECT_GT(bells_.queue_rings(), 0);
  expect_sound();
  EXPECT_EQ(task_of(ann, posted.task).failures, 1);
  EXPECT_EQ(task_of(ann, posted.task).last_error->code, "worker_lost");
  const auto second = claim_one(alive);
  EXPECT_EQ(second.held.task, posted.task) << "it kept its slot";
  EXPECT_EQ(second.held.attempt, 2U);
  EXPECT_EQ(second.failures, 1);

  EXPECT_FALSE(get(queue_->holds(zombie.held)));
  EXPECT_TRUE(get(queue_->holds(second.held)));
  EXPECT_FALSE(finish(zombie, "zombie"));
  EXPECT_EQ(requeue(zombie, milliseconds(0)), task_queue::requeue_result::lost);
  save(zombie, 5, "zombie");
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "old");
  EXPECT_TRUE(finish(second, "right"));
  EXPECT_FALSE(finish(zombie, "zombie"));
  EXPECT_EQ(message_of(ann, posted.message).content, "right");
  expect_sound();
}

TEST_P(store_contract, a_task_whose_worker_has_no_row_is_reaped_too) {
  post(ann, "question");
  const auto worker = start_worker();
  claim_one(worker);
  get(queue_->retire(worker));
  EXPECT_EQ(get(queue_->reap(10)), 1);
  expect_sound();
}

TEST_P(store_contract, what_a_worker_leaves_behind_as_it_goes_is_lost_at_once) {
  post(ann, "left behind");
  const auto gone = start_worker();
  claim_one(gone);
  const auto alive = start_worker();
  get(queue_->retire(gone));
  EXPECT_TRUE(get(queue_->heartbeat(alive, lease)).others_are_lost);
  EXPECT_EQ(get(queue_->reap(10)), 1);
  get(queue_->retire(gone));
  EXPECT_FALSE(get(queue_->heartbeat(alive, lease)).others_are_lost);
}

TEST_P(store_contract, reaping_takes_only_the_dead_and_no_more_than_asked) {
  for (int i = 0; i < 5; ++i) post(ann, "dead");
  const auto dead = start_worker();
  claim(dead);
  for (int i = 0; i < 3; ++i) post(ann, "alive");
  const auto alive = start_worker();
  claim(alive);
  EXPECT_FALSE(get(queue_->heartbeat(alive, lease)).others_are_lost);
  let_lease_expire(dead);
  EXPECT_EQ(get(queue_->reap(2)), 2);
  EXPECT_TRUE(get(queue_->heartbeat(alive, lease)).others_are_lost);
  EXPECT_EQ(get(queue_->reap(10)), 3);
  EXPECT_EQ(get(queue_->heartbeat(alive, lease)).held.size(), 3U);
  EXPECT_FALSE(get(queue_->heartbeat(alive, lease)).others_are_lost);
}

TEST_P(store_contract, finishing_writes_the_message_and_the_terminal_chunk_together) {
  const auto posted = post(ann, "question");
  const auto task = claim_one(start_worker());
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::generating);
  save(task, 0, "par");
  bells_.forget();
  const auto before = rev_of(ann);
  auto how = answered("partial and more");
  how.reasoning = "because";
  EXPECT_TRUE(get(queue_->finish(task.held, how)));
  EXPECT_TRUE(bells_.has_ended(posted.task));
  EXPECT_EQ(bells_.rings_of(ann), 1);
  const auto written = message_of(ann, posted.message);
  EXPECT_EQ(written.status, message_status::completed);
  EXPECT_EQ(written.content, "partial and more");
  EXPECT_EQ(written.reasoning, "because");
  EXPECT_EQ(written.model, "model-1");
  EXPECT_EQ(written.provider, "demo");
  EXPECT_EQ(written.attempt, 1U);
  EXPECT_EQ(written.finish_reason, "stop");
  EXPECT_EQ(written.usage->output_tokens, 20);
  EXPECT_EQ(written.ttft_ms, 30);
  EXPECT_EQ(written.latency_ms, 40);
  EXPECT_TRUE(written.completed_at.has_value());
  EXPECT_EQ(written.rev, before + 1);
  const auto ended = task_of(ann, posted.task);
  EXPECT_EQ(ended.state, task_state::succeeded);
  EXPECT_EQ(ended.status, message_status::completed);
  EXPECT_EQ(ended.rev, before + 1);
  EXPECT_TRUE(ended.finished_at.has_value());
  EXPECT_EQ(count("partials"), 0);
  const auto stored = get(queue_->ending_of(posted.task));
  EXPECT_EQ(stored.attempt, 1U);
  EXPECT_EQ(stored.how.content, "partial and more");
  EXPECT_EQ(stored.how.reasoning, "because");
  EXPECT_EQ(stored.how.terminal_index, 7U);
  EXPECT_EQ(stored.how.terminal_type, "done");
  EXPECT_EQ(stored.how.terminal_fields, how.terminal_fields);
  expect_sound();
}

TEST_P(store_contract, a_finish_whose_reply_was_lost_is_true_again_and_changes_nothing) {
  const auto posted = post(ann, "question");
  const auto task = claim_one(start_worker());
  EXPECT_TRUE(finish(task, "first"));
  const auto rev = rev_of(ann);
  bells_.forget();
  EXPECT_TRUE(finish(task, "second"));
  EXPECT_EQ(message_of(ann, posted.message).content, "first");
  EXPECT_EQ(rev_of(ann), rev);
  EXPECT_TRUE(bells_.has_ended(posted.task)) << "the call without a reply rang nothing";
  auto other = task;
  other.held.worker = worker_id::generate();
  EXPECT_FALSE(finish(other, "third"));
  other = task;
  other.held.task = task_id::generate();
  EXPECT_FALSE(finish(other));
}

TEST_P(store_contract, a_failed_answer_keeps_its_text_and_its_error) {
  const auto posted = post(ann, "question");
  const auto task = claim_one(start_worker());
  EXPECT_TRUE(get(queue_->finish(task.held, failed_with("half", "provider_error"))));
  const auto written = message_of(ann, posted.message);
  EXPECT_EQ(written.status, message_status::error);
  EXPECT_EQ(written.content, "half");
  EXPECT_EQ(written.failure->code, "provider_error");
  EXPECT_TRUE(written.failure->retryable);
  EXPECT_EQ(task_of(ann, posted.task).state, task_state::failed);
  EXPECT_EQ(task_of(ann, posted.task).last_error->message, "it broke");
  EXPECT_EQ(get(queue_->ending_of(posted.task)).how.terminal_content, "it broke");
}

TEST_P(store_contract, text_with_a_nul_can_be_stored) {
  const auto posted = post(ann, std::string("a\0b", 3));
  const auto task = claim_one(start_worker());
  save(task, 0, std::string("c\0d", 3));
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "c\uFFFDd");
  EXPECT_TRUE(finish(task, std::string("e\0f", 3)));
  EXPECT_EQ(message_of(ann, posted.user_message).content, "a\uFFFDb");
  EXPECT_EQ(message_of(ann, posted.message).content, "e\uFFFDf");
}

TEST_P(store_contract, a_failure_gives_the_slot_back_but_holds_the_conversation) {
  use_cap(1);
  const auto posted = post(ann, "fails");
  const auto behind = post_in(ann, posted.conversation, "behind");
  const auto other = post(ann, "other");
  const auto worker = start_worker();
  const auto first = claim_one(worker);
  const answer_error why{"provider_unavailable", "503", true};
  const partial_text rest{first.held, 0, "some text", ""};
  bells_.forget();
  EXPECT_EQ(get(queue_->requeue(first.held, seconds(3600), true, why, rest)),
            task_queue::requeue_result::requeued);
  EXPECT_GT(bells_.queue_rings(), 0);
  expect_sound();
  const auto waiting = task_of(ann, posted.task);
  EXPECT_EQ(waiting.state, task_state::delayed);
  EXPECT_EQ(waiting.failures, 1);
  EXPECT_EQ(waiting.last_error->code, "provider_unavailable");
  EXPECT_EQ(waiting.status, message_status::generating) << "there is text of it";
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::generating);
  EXPECT_EQ(state_of(behind.task), task_state::blocked);
  EXPECT_EQ(state_of(other.task), task_state::ready);
  const auto between = claim_one(worker);
  EXPECT_EQ(between.held.task, other.task);
  make_all_due();
  EXPECT_EQ(state_of(posted.task), task_state::waiting);
  finish(between);
  const auto second = claim_one(worker);
  EXPECT_EQ(second.held.task, posted.task);
  EXPECT_EQ(second.held.attempt, 2U);
  EXPECT_EQ(second.failures, 1);
  expect_sound();
}

TEST_P(store_contract, handing_back_without_a_failure_makes_it_claimable_at_once) {
  for (const std::int64_t cap : {0, 1}) {
    use_cap(cap);
    const auto posted = post(ann, "question");
    const auto worker = start_worker();
    const auto first = claim_one(worker);
    EXPECT_EQ(requeue(first, milliseconds(0), false), task_queue::requeue_result::requeued);
    expect_sound();
    EXPECT_EQ(task_of(ann, posted.task).status, message_status::queued);
    const auto second = claim_one(worker);
    EXPECT_EQ(second.held.task, posted.task);
    EXPECT_EQ(second.failures, 0);
    finish(second);
  }
}

TEST_P(store_contract, handing_back_twice_is_handing_back_once) {
  const auto posted = post(ann, "question");
  const auto worker = start_worker();
  const auto first = claim_one(worker);
  EXPECT_EQ(requeue(first, seconds(3600)), task_queue::requeue_result::requeued);
  EXPECT_EQ(requeue(first, seconds(3600)), task_queue::requeue_result::requeued);
  EXPECT_EQ(task_of(ann, posted.task).failures, 1);
  EXPECT_FALSE(finish(first));
  make_all_due();
  const auto second = claim_one(worker);
  EXPECT_EQ(requeue(first, seconds(3600)), task_queue::requeue_result::lost);
  EXPECT_TRUE(get(queue_->holds(second.held)));
}

TEST_P(store_contract, a_cancelled_task_is_not_handed_back_but_its_text_is_saved) {
  const auto posted = post(ann, "question");
  const auto task = claim_one(start_worker());
  EXPECT_TRUE(cancel(ann, posted.task).was_running);
  const partial_text rest{task.held, 0, "so far", ""};
  EXPECT_EQ(get(queue_->requeue(task.held, seconds(1), true, std::nullopt, rest)),
            task_queue::requeue_result::cancel_requested);
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "so far");
  EXPECT_EQ(state_of(posted.task), task_state::running);
  EXPECT_EQ(task_of(ann, posted.task).failures, 0);
  EXPECT_TRUE(
      get(queue_->finish(task.held, cancelled_ending(1, {1, "so far", ""}, posted.message))));
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::cancelled);
}

TEST_P(store_contract, every_try_is_recorded) {
  const auto posted = post(ann, "question");
  const auto dead = start_worker();
  const auto alive = start_worker();
  claim_one(dead);
  let_lease_expire(dead);
  get(queue_->reap(10));
  const auto second = claim_one(alive);
  const answer_error why{"provider_unavailable", "503", true};
  get(queue_->requeue(second.held, milliseconds(0), true, why, std::nullopt));
  const auto third = claim_one(alive);
  auto tries = get(queue_->attempts(ann, posted.task));
  ASSERT_EQ(tries.size(), 3U);
  EXPECT_EQ(tries[0].worker, dead);
  EXPECT_EQ(tries[0].failure->code, "worker_lost");
  EXPECT_EQ(tries[1].failure->code, "provider_unavailable");
  EXPECT_TRUE(tries[1].finished_at.has_value());
  EXPECT_FALSE(tries[2].finished_at.has_value());
  finish(third);
  tries = get(queue_->attempts(ann, posted.task));
  EXPECT_TRUE(tries[2].finished_at.has_value());
  EXPECT_FALSE(tries[2].failure.has_value());
  EXPECT_EQ(refusal(queue_->attempts(bob, posted.task)), errc::not_found);
}

TEST_P(store_contract, the_statements_that_end_an_attempt_are_fences_by_themselves) {
  const auto posted = post(ann, "question");
  const auto held = claim_one(start_worker()).held;
  const auto stranger = worker_id::generate();
  const auto finished_by = [&](std::uint32_t attempt, worker_id worker) {
    return ask(std::string(statements::finish_task.text),
               {posted.task, attempt, worker, "succeeded", 1, nullptr, nullptr, nullptr})
        .changed;
  };
  const auto requeued_by = [&](std::uint32_t attempt, worker_id worker) {
    return ask(std::string(statements::requeue_task.text),
               {posted.task, attempt, worker, 1000, 0, 1, nullptr, nullptr, nullptr, 1, nullptr})
        .size();
  };
  EXPECT_EQ(finished_by(held.attempt, stranger), 0);
  EXPECT_EQ(finished_by(held.attempt + 1, held.worker), 0);
  EXPECT_EQ(requeued_by(held.attempt, stranger), 0U);
  EXPECT_EQ(requeued_by(held.attempt - 1, held.worker), 0U);
  cancel(ann, posted.task);
  EXPECT_EQ(requeued_by(held.attempt, held.worker), 0U) << "its cancel was requested";
  EXPECT_EQ(finished_by(held.attempt, held.worker), 1);
  EXPECT_EQ(finished_by(held.attempt, held.worker), 0) << "it has ended";
}

}  // namespace throughline::store
