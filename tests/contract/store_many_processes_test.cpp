// What a process does to a database that others are using.
#include "contract/store_fixture.hpp"

namespace throughline::store {
namespace {

TEST_P(store_contract, one_of_many_that_starts_leaves_the_leases_of_the_others) {
  const auto worker = start_worker();
  post(ann, "hello");
  const auto held = claim_one(worker);
  get(queue_->adapt());
  EXPECT_TRUE(get(queue_->holds(held.held)));
  EXPECT_FALSE(get(queue_->heartbeat(worker, lease)).lease_was_lost);
  EXPECT_TRUE(finish(held));
}

TEST_P(store_contract, one_of_many_that_starts_with_other_limits_fits_the_slots_to_them) {
  const auto running = post(ann, "running").task;
  const auto held = claim_one(start_worker());
  ASSERT_EQ(held.held.task, running);
  const auto second = post(ann, "second").task;
  const auto third = post(ann, "third").task;
  use_cap(2);
  get(queue_->adapt());
  EXPECT_EQ(state_of(running), task_state::running);
  EXPECT_EQ(state_of(second), task_state::ready) << "two slots, one is taken";
  EXPECT_EQ(state_of(third), task_state::waiting);
  expect_sound();
  use_cap(3);
  get(queue_->adapt());
  EXPECT_EQ(state_of(third), task_state::ready);
  use_cap(1);
  get(queue_->adapt());
  EXPECT_EQ(state_of(running), task_state::running);
  expect_sound();
  use_cap(0);
  get(queue_->adapt());
  EXPECT_EQ(state_of(second), task_state::ready);
  EXPECT_EQ(state_of(third), task_state::ready);
  expect_sound();
}

}  // namespace
}  // namespace throughline::store
