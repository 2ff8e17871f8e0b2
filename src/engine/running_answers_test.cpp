#include "engine/running_answers.hpp"

#include <gtest/gtest.h>

namespace throughline::engine {
namespace {

using enum running_answers::whose;

class running_answers_test : public testing::Test {
 protected:
  static store::claimed_task task_of(store::owner_id owner) {
    store::claimed_task task;
    task.held = {task_id::generate(), 1, worker_id::generate()};
    task.owner = std::move(owner);
    task.conversation = conversation_id::generate();
    return task;
  }
  running_answers::whose look(const store::claimed_task& task,
                              const store::owner_id& owner = "ann") {
    return running.look(owner, task.held.task);
  }

  running_answers running;
};

TEST_F(running_answers_test, knows_its_own_and_nothing_else) {
  const auto task = task_of("ann");
  EXPECT_EQ(look(task), unknown);
  running.add(task, running.now());
  EXPECT_EQ(look(task), theirs);
  EXPECT_EQ(look(task, "bob"), somebody_elses);
  EXPECT_EQ(look(task_of("ann")), unknown);
  running.remove(task.held);
  EXPECT_EQ(look(task), unknown);
}

TEST_F(running_answers_test, an_older_attempt_that_leaves_takes_nothing_along) {
  auto task = task_of("ann");
  running.add(task, running.now());
  const auto old = task.held;
  task.held.attempt = 2;
  running.add(task, running.now());
  running.remove(old);
  EXPECT_EQ(look(task), theirs);
}

TEST_F(running_answers_test, forgets_what_is_hidden_and_keeps_the_rest) {
  const auto hidden = task_of("ann");
  const auto kept = task_of("ann");
  running.add(hidden, running.now());
  running.add(kept, running.now());
  running.hidden(hidden.conversation);
  EXPECT_EQ(look(hidden), unknown);
  EXPECT_EQ(look(hidden, "bob"), unknown);
  EXPECT_EQ(look(kept), theirs);
  running.remove(hidden.held);
  running.remove(kept.held);
  EXPECT_EQ(look(kept), unknown);
}

TEST_F(running_answers_test, forgets_every_answer_of_what_is_hidden) {
  const auto first = task_of("ann");
  auto second = task_of("ann");
  auto ended = task_of("ann");
  second.conversation = ended.conversation = first.conversation;
  for (const auto& task : {first, ended, second}) running.add(task, running.now());
  running.remove(ended.held);
  EXPECT_EQ(look(first), theirs);
  EXPECT_EQ(look(second), theirs);
  running.hidden(first.conversation);
  EXPECT_EQ(look(first), unknown);
  EXPECT_EQ(look(second), unknown);
}

TEST_F(running_answers_test, learns_of_what_began_while_others_were_hidden) {
  const auto task = task_of("ann");
  const auto before = running.now();
  running.hidden(conversation_id::generate());
  running.hidden(conversation_id::generate());
  running.add(task, before);
  EXPECT_EQ(look(task), theirs);
}

TEST_F(running_answers_test, does_not_trust_its_memory_when_too_many_were_hidden) {
  const auto late = task_of("ann");
  const auto later = task_of("ann");
  const auto before = running.now();
  running.hidden(later.conversation);
  const auto after = running.now();
  for (std::size_t i = 0; i < running_answers::hidden_max; ++i) {
    running.hidden(conversation_id::generate());
  }
  running.add(late, after);
  EXPECT_EQ(look(late), theirs) << "all of them are remembered";
  running.add(later, before);
  EXPECT_EQ(look(later), unknown) << "the first of them is not";
}

// Each order of a claim's transaction and a hiding's, and of what follows them in this process.
TEST_F(running_answers_test, what_was_claimed_before_a_hiding_ended_is_not_added_after_it) {
  const auto task = task_of("ann");
  const auto before = running.now();
  running.add(task, before);
  EXPECT_EQ(look(task), theirs) << "the end of the hiding forgets it";
  running.hidden(task.conversation);
  EXPECT_EQ(look(task), unknown);
  running.hidden(conversation_id::generate());
  running.add(task, before);
  EXPECT_EQ(look(task), unknown);
}

TEST_F(running_answers_test, what_is_claimed_in_a_hidden_conversation_is_not_added) {
  auto task = task_of("ann");
  task.cancel_requested = true;
  running.add(task, running.now());
  EXPECT_EQ(look(task), unknown);
}

}  // namespace
}  // namespace throughline::engine
