// Lanes: what a worker that has room for so many tasks of a provider claims, and what stays.
#pragma once

#include "contract/store_lanes_fixture.hpp"
#include "contract/store_recording_taker.hpp"

namespace throughline::store {

using ids = std::vector<task_id>;

TEST_P(store_lanes, what_is_behind_a_provider_without_room_is_claimed) {
  ids full;
  for (int i = 0; i < 300; ++i) full.push_back(post_to("a"));
  const auto behind = post_to("b");
  const auto last = post_to("usual");
  EXPECT_EQ(claim_with({{"a", 0}}), (ids{behind, last}));
  EXPECT_EQ(held_[behind].provider, "b");
  EXPECT_EQ(held_[behind].held.attempt, 1U);
  EXPECT_EQ(claim_with({{"a", 0}}), ids{});
  EXPECT_EQ(count("tasks WHERE state = 'ready' AND attempt = 0 AND worker IS NULL"), 300);
  EXPECT_EQ(claim_with({{"a", 2}}), (ids{full[0], full[1]}));
  EXPECT_EQ(claim_with({}, 1), ids{full[2]}) << "without a limit";
  expect_sound();
}

TEST_P(store_lanes, there_is_room_for_so_many_in_all_queues_together) {
  const auto low = post_to("a", "email");
  const auto other = post_to("b", "email", 3);
  const auto old = post_to("a");
  const auto high = post_to("a", "email", 5);
  post_to("a");
  EXPECT_EQ(claim_with({{"a", 2}, {"b", 10}}), (ids{high, other, low}));
  EXPECT_EQ(claim_with({{"a", 1}}), ids{old});
}

TEST_P(store_lanes, the_order_is_that_of_all_providers_together) {
  const auto first = post_to("a");
  const auto second = post_to("b");
  const auto urgent = post_to("b", "default", 9);
  const auto third = post_to("a");
  EXPECT_EQ(claim_with({{"a", 10}}, 3), (ids{urgent, first, second}));
  EXPECT_EQ(claim_with({{"a", 10}}, 3), ids{third});
}

TEST_P(store_lanes, a_paused_queue_is_paused_for_each_provider) {
  const auto mail = post_to("a", "email");
  const auto other = post_to("a");
  get(operations_->set_paused("email", true, {}));
  EXPECT_EQ(claim_with({{"a", 5}}), ids{other});
  get(operations_->set_paused("email", false, {}));
  EXPECT_EQ(claim_with({{"a", 5}}, 100, {"default"}), ids{});
  EXPECT_EQ(claim_with({{"a", 5}}), ids{mail});
}

TEST_P(store_lanes, the_provider_is_that_of_the_post_or_else_of_the_conversation) {
  new_conversation fields;
  fields.model = "b/model";
  const auto talk = get(talk_->create(ann, fields)).id;
  const auto first = post_in(ann, talk, "one").task;
  const auto other = post(ann, "two").task;
  claim_with({{"x", 1}});
  EXPECT_EQ(held_[first].provider, "b");
  EXPECT_EQ(held_[other].provider, "usual");
  cancel(ann, first);
  get(queue_->finish(held_[first].held, cancelled_ending(1, {}, {})));
  const auto again = get(posts_->retry(ann, first, {})).task;
  claim_with({{"x", 1}});
  EXPECT_EQ(held_[again].provider, "b");
}

TEST_P(store_lanes, what_is_handed_on_is_claimed_as_one_of_the_other_provider) {
  const auto task = post_to("a");
  ASSERT_EQ(claim_with({{"a", 1}}), ids{task});
  bells_.forget();
  EXPECT_EQ(get(queue_->hand_on(held_[task].held, "b")), task_queue::requeue_result::requeued);
  EXPECT_EQ(bells_.queue_rings(), 1);
  EXPECT_EQ(get(queue_->hand_on(held_[task].held, "b")), task_queue::requeue_result::requeued)
      << "a reply that was lost";
  EXPECT_EQ(claim_with({{"b", 0}}), ids{});
  EXPECT_EQ(claim_with({{"a", 0}}), ids{task});
  EXPECT_EQ(held_[task].provider, "b");
  EXPECT_EQ(held_[task].held.attempt, 2U);
  EXPECT_EQ(task_of(ann, task).failures, 0);
  EXPECT_EQ(requeue(held_[task], milliseconds(0)), task_queue::requeue_result::requeued);
  EXPECT_EQ(claim_with({{"b", 0}}), ids{}) << "it stays there";
  expect_sound();
}

TEST_P(store_lanes, a_post_begins_at_once_if_its_provider_has_room) {
  recording_taker local(worker_);
  local.full_providers = {"a"};
  posts_->begin_tasks_at(local);
  const auto waits = post_to("a");
  EXPECT_EQ(state_of(waits), task_state::ready);
  EXPECT_EQ(local.rooms, 100);
  EXPECT_EQ(claim_with({{"a", 1}}), ids{waits});
  const auto begins = post_to("b");
  EXPECT_EQ(state_of(begins), task_state::running);
  ASSERT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.started[0].provider, "b");
  expect_sound();
}

TEST_P(store_lanes, a_post_whose_commit_was_in_doubt_keeps_its_room) {
  lose_every_reply();
  std::string provider = "a";
  posts_->find_providers_with([&](const auto&) { return std::exchange(provider, "b"); });
  recording_taker local(worker_);
  posts_->begin_tasks_at(local);
  post(ann, "question");
  ASSERT_EQ(local.started.size(), 1U);
  EXPECT_EQ(local.started[0].provider, "a") << "it was committed the first time";
  EXPECT_EQ(local.rooms, 99);
}

}  // namespace throughline::store
