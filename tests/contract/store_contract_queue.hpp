// The queue: who is claimed when, and by how many.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, a_posted_task_is_claimed_once_with_its_first_attempt) {
  const auto posted = post(ann, "hello");
  const auto worker = start_worker();
  const auto claimed = claim(worker);
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].held.task, posted.task);
  EXPECT_EQ(claimed[0].held.attempt, 1U);
  EXPECT_EQ(claimed[0].held.worker, worker);
  EXPECT_EQ(claimed[0].owner, ann);
  EXPECT_EQ(claimed[0].conversation, posted.conversation);
  EXPECT_EQ(claimed[0].message, posted.message);
  EXPECT_EQ(claimed[0].failures_max, 3);
  EXPECT_FALSE(claimed[0].cancel_requested);
  EXPECT_TRUE(claim(worker).empty());
  expect_sound();
}

TEST_P(store_contract, the_model_of_the_post_wins_over_that_of_the_conversation) {
  new_conversation fields;
  fields.model = "of-conversation";
  const auto talk = get(talk_->create(ann, fields));
  const auto worker = start_worker();
  post_in(ann, talk.id, "one");
  const auto first = claim_one(worker);
  EXPECT_EQ(first.model, "of-conversation");
  finish(first);
  submit_options options;
  options.model = "of-post";
  post_in(ann, talk.id, "two", options);
  EXPECT_EQ(claim_one(worker).model, "of-post");
}

TEST_P(store_contract, tasks_of_one_conversation_run_one_at_a_time_in_order) {
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  const auto third = post_in(ann, first.conversation, "three");
  const auto elsewhere = post(ann, "elsewhere");
  const auto worker = start_worker();
  auto claimed = claim(worker);
  ASSERT_EQ(claimed.size(), 2U);
  EXPECT_EQ(claimed[0].held.task, first.task);
  EXPECT_EQ(claimed[1].held.task, elsewhere.task);
  EXPECT_EQ(state_of(second.task), task_state::blocked);
  expect_sound();
  EXPECT_TRUE(finish(claimed[0]));
  claimed = claim(worker);
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].held.task, second.task);
  EXPECT_TRUE(finish(claimed[0]));
  EXPECT_EQ(claim_one(worker).held.task, third.task);
  expect_sound();
}

TEST_P(store_contract, higher_priority_goes_first_then_the_older) {
  submit_options high;
  high.priority = 5;
  const auto a = post(ann, "a");
  const auto b = post(ann, "b");
  const auto c = post_with(ann, high);
  const auto worker = start_worker();
  const auto claimed = claim(worker, 2);
  ASSERT_EQ(claimed.size(), 2U);
  EXPECT_EQ(claimed[0].held.task, c.task);
  EXPECT_EQ(claimed[1].held.task, a.task);
  EXPECT_EQ(claim_one(worker).held.task, b.task);
}

TEST_P(store_contract, a_worker_gets_only_the_queues_it_asks_for) {
  submit_options email;
  email.queue = "email";
  const auto mail = post_with(ann, email);
  const auto other = post(ann, "other");
  const auto worker = start_worker();
  EXPECT_TRUE(claim(worker, 10, {"chat", "marketing"}).empty());
  EXPECT_TRUE(claim(worker, 10, {}).empty());
  EXPECT_TRUE(claim(worker, 0, {"email"}).empty());
  const auto mails = claim(worker, 10, {"email", "chat", "email"});
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_EQ(mails[0].held.task, mail.task);
  const auto rest = claim(worker, 10, {"default", "email", "chat"});
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].held.task, other.task);
}

TEST_P(store_contract, a_capped_owner_holds_no_more_slots_than_its_cap_in_each_queue) {
  use_cap(2);
  for (int i = 0; i < 5; ++i) post(ann, "many");
  submit_options email;
  email.queue = "email";
  post_with(ann, email);
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 3);
  EXPECT_EQ(count("tasks WHERE state = 'waiting'"), 3);
  expect_sound();
  const auto worker = start_worker();
  const auto claimed = claim(worker);
  ASSERT_EQ(claimed.size(), 2U);
  EXPECT_TRUE(claim(worker).empty());
  EXPECT_EQ(claim(worker, 10, {"email"}).size(), 1U);
  finish(claimed[0]);
  EXPECT_EQ(claim(worker).size(), 1U);
  expect_sound();
}

TEST_P(store_contract, a_free_slot_goes_to_the_highest_priority_then_to_the_oldest) {
  use_cap(1);
  submit_options high;
  high.priority = 1;
  post(ann, "holds the slot");
  const auto low = post(ann, "low");
  const auto first = post_with(ann, high);
  const auto second = post_with(ann, high);
  const auto worker = start_worker();
  finish(claim_one(worker));
  std::vector<task_id> order;
  for (int i = 0; i < 3; ++i) {
    const auto next = claim_one(worker);
    order.push_back(next.held.task);
    finish(next);
  }
  EXPECT_EQ(order, (std::vector<task_id>{first.task, second.task, low.task}));
}

TEST_P(store_contract, an_owner_with_many_tasks_does_not_starve_another) {
  use_cap(2);
  for (int i = 0; i < 30; ++i) post(ann, "many");
  const auto worker = start_worker();
  std::vector<owner_id> served;
  post(bob, "one");
  post(bob, "two");
  for (int i = 0; i < 6; ++i) {
    const auto next = claim_one(worker);
    served.push_back(next.owner);
    finish(next);
  }
  EXPECT_EQ(std::count(served.begin(), served.end(), bob), 2) << "bob waits for at most the cap";
  expect_sound();
}

TEST_P(store_contract, two_workers_never_get_the_same_task) {
  for (int i = 0; i < 60; ++i) post(i % 2 == 0 ? ann : bob, "task");
  std::vector<std::future<result<std::vector<claimed_task>>>> claims;
  for (int i = 0; i < 12; ++i) {
    claims.push_back(start(queue_->claim(worker_id::generate(), {"default"}, 7)));
  }
  std::set<task_id> seen;
  std::size_t all = 0;
  for (auto& one : claims) {
    for (const auto& task : value_of(one.get())) {
      seen.insert(task.held.task);
      ++all;
    }
  }
  EXPECT_EQ(all, seen.size());
  EXPECT_EQ(all, 60U);
}

TEST_P(store_contract, a_task_for_later_waits_until_it_is_due) {
  submit_options later;
  later.run_at = from_unix_ms(4'000'000'000'000);
  const auto delayed = post_with(ann, later);
  const auto behind = post_in(ann, delayed.conversation, "behind");
  EXPECT_EQ(state_of(delayed.task), task_state::delayed);
  EXPECT_EQ(state_of(behind.task), task_state::blocked);
  EXPECT_EQ(get(queue_->make_due()), later.run_at);
  EXPECT_EQ(task_of(ann, delayed.task).run_at, later.run_at);
  const auto worker = start_worker();
  EXPECT_TRUE(claim(worker).empty());
  bells_.forget();
  const auto before = rev_of(ann);
  make_all_due();
  EXPECT_EQ(get(queue_->make_due()), std::nullopt);
  EXPECT_EQ(bells_.rings_of(ann), 1);
  EXPECT_GT(bells_.queue_rings(), 0);
  EXPECT_EQ(rev_of(ann), before + 1);
  EXPECT_EQ(task_of(ann, delayed.task).rev, before + 1);
  EXPECT_EQ(claim_one(worker).held.task, delayed.task);
  expect_sound();
}

TEST_P(store_contract, a_due_task_takes_a_free_slot) {
  use_cap(1);
  submit_options later;
  later.run_at = from_unix_ms(4'000'000'000'000);
  const auto delayed = post_with(ann, later);
  make_all_due();
  EXPECT_EQ(state_of(delayed.task), task_state::ready);
  expect_sound();
}

TEST_P(store_contract, a_due_task_without_a_free_slot_waits_for_one) {
  use_cap(1);
  post(ann, "holds the slot");
  submit_options later;
  later.run_at = from_unix_ms(4'000'000'000'000);
  const auto delayed = post_with(ann, later);
  make_all_due();
  EXPECT_EQ(state_of(delayed.task), task_state::waiting);
  expect_sound();
}

TEST_P(store_contract, the_place_in_the_queue_counts_what_is_in_front) {
  submit_options high;
  high.priority = 1;
  const auto a = post(ann, "a");
  const auto b = post(bob, "b");
  const auto c = post_with(bob, high);
  EXPECT_EQ(task_of(bob, c.task).queue_place, 0);
  EXPECT_EQ(task_of(ann, a.task).queue_place, 1);
  EXPECT_EQ(task_of(bob, b.task).queue_place, 2);
  claim_one(start_worker());
  EXPECT_EQ(task_of(ann, a.task).queue_place, 0);
  EXPECT_EQ(task_of(bob, c.task).queue_place, std::nullopt);
}

TEST_P(store_contract, waiting_tasks_have_a_place_behind_the_ready_ones) {
  use_cap(1);
  post(bob, "ready");
  post(ann, "ready");
  const auto first = post(ann, "waits");
  const auto second = post(ann, "waits longer");
  EXPECT_EQ(task_of(ann, first.task).queue_place, 2);
  EXPECT_EQ(task_of(ann, second.task).queue_place, 3);
}

TEST_P(store_contract, after_a_restart_everything_that_ran_is_ready_and_nothing_is_lost) {
  const auto posted = post(ann, "one");
  post_in(ann, posted.conversation, "two");
  const auto other = post(bob, "three");
  const auto worker = start_worker();
  const auto claimed = claim(worker);
  ASSERT_EQ(claimed.size(), 2U);
  save(claimed[0], 0, "partial");
  EXPECT_EQ(get(queue_->recover()), 2);
  EXPECT_EQ(count("workers"), 0);
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "partial");
  EXPECT_EQ(task_of(ann, posted.task).failures, 0);
  expect_sound();
  const auto again = claim(start_worker());
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].held.attempt, 2U);
  EXPECT_FALSE(finish(claimed[0])) << "the process before has no say any more";
  EXPECT_EQ(task_of(bob, other.task).state, task_state::running);
}

TEST_P(store_contract, a_restart_with_another_cap_fits_the_slots_to_it) {
  use_cap(3);
  for (int i = 0; i < 6; ++i) post(ann, "many");
  claim(start_worker(), 1);
  use_cap(1);
  get(queue_->recover());
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 1);
  expect_sound();
  use_cap(4);
  get(queue_->recover());
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 4);
  expect_sound();
  use_cap(0);
  get(queue_->recover());
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 6);
  expect_sound();
}

}  // namespace throughline::store
