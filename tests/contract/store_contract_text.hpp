// The texts of an attempt: what it is written from, and what is saved of it on the way.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, saved_text_is_what_has_grown_of_the_newest_attempt) {
  const auto posted = post(ann, "question");
  const auto worker = start_worker();
  const auto first = claim_one(worker);
  EXPECT_EQ(get(queue_->saved(posted.task)).attempt, 0U);
  const auto rev = rev_of(ann);
  save(first, 10, "ld");
  save(first, 0, "Hello", "hm");
  save(first, 5, " wor");
  auto text = get(queue_->saved(posted.task));
  EXPECT_EQ(text.attempt, 1U);
  EXPECT_EQ(text.content, "Hello world");
  EXPECT_EQ(text.reasoning, "hm");
  save(first, 10, "ld, and more");
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "Hello world, and more")
      << "saved again after a lost reply";
  EXPECT_EQ(rev_of(ann), rev) << "saving is no change";
  EXPECT_EQ(requeue(first, milliseconds(0)), task_queue::requeue_result::requeued);
  const auto second = claim_one(worker);
  EXPECT_EQ(get(queue_->saved(posted.task)).content, "Hello world, and more")
      << "nothing newer yet";
  save(second, 1, "Again");
  text = get(queue_->saved(posted.task));
  EXPECT_EQ(text.attempt, 2U);
  EXPECT_EQ(text.content, "Again");
}

TEST_P(store_contract, many_long_pieces_are_saved_at_once) {
  std::vector<submission> posted;
  for (int i = 0; i < 30; ++i) posted.push_back(post(ann, "question"));
  const std::string piece(100'000, 'x');
  std::vector<partial_text> grown;
  for (const auto& task : claim(start_worker()))
    grown.push_back({task.held, 0, piece, "\"\n\\\x01"});
  get(queue_->save_partials(std::move(grown)));
  for (const auto& one : posted) {
    const auto text = get(queue_->saved(one.task));
    EXPECT_EQ(text.content.size(), piece.size());
    EXPECT_EQ(text.reasoning, "\"\n\\\x01");
  }
  get(queue_->save_partials({}));
}

TEST_P(store_contract, the_context_is_the_chain_of_parents_with_the_system_prompt_in_front) {
  new_conversation fields;
  fields.system_prompt = "Be brief.";
  const auto talk = get(talk_->create(ann, fields));
  const auto worker = start_worker();
  const auto first = post_in(ann, talk.id, "one");
  finish(claim_one(worker), "answer one");
  post_in(ann, talk.id, "two");
  get(queue_->finish(claim_one(worker).held, failed_with("", "provider_error")));
  post_in(ann, talk.id, "three");
  const auto third = claim_one(worker);
  auto lines = get(queue_->context(third.held, 1000));
  std::vector<std::string> texts;
  for (const auto& line : lines)
    texts.push_back(std::string(to_string(line.from)) + ": " + line.content);
  const std::vector<std::string> all{"system: Be brief.", "user: one", "assistant: answer one",
                                     "user: two", "user: three"};
  EXPECT_EQ(texts, all) << "an answer without text says nothing";
  finish(third);

  get(posts_->edit(ann, first.user_message, "other one", {}));
  lines = get(queue_->context(claim_one(worker).held, 1000));
  ASSERT_EQ(lines.size(), 2U) << "an edit is a branch";
  EXPECT_EQ(lines[1].content, "other one");
}

TEST_P(store_contract, a_context_that_is_too_long_loses_its_oldest_turns_never_the_question) {
  const auto worker = start_worker();
  const auto first = post(ann, "question 1");
  for (int i = 2; i <= 5; ++i) {
    finish(claim_one(worker), "answer");
    post_in(ann, first.conversation, "question " + std::to_string(i));
  }
  const auto task = claim_one(worker);
  EXPECT_EQ(get(queue_->context(task.held, 1'000'000)).size(), 9U);
  auto lines = get(queue_->context(task.held, 10 + 6 + 10));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].content, "question 4");
  lines = get(queue_->context(task.held, 10 + 6 + 5));
  ASSERT_EQ(lines.size(), 1U) << "it does not begin with an answer";
  EXPECT_EQ(lines[0].content, "question 5");
  EXPECT_EQ(get(queue_->context(task.held, 1)).size(), 1U);
}

}  // namespace throughline::store
