// How an answer begins: posts, branches, and keys that make them happen once.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, a_first_post_makes_the_conversation_both_messages_and_the_task) {
  bells_.forget();
  const auto posted = post(ann, "  \n What is a bell?\nTell me more.");
  EXPECT_EQ(bells_.rings_of(ann), 1);
  EXPECT_EQ(bells_.queue_rings(), 1);
  const auto talk = get(talk_->get(ann, posted.conversation));
  EXPECT_EQ(talk.title, "What is a bell?");
  EXPECT_EQ(talk.message_count, 2);
  EXPECT_EQ(talk.active_task_ids, std::vector<task_id>{posted.task});
  const auto question = message_of(ann, posted.user_message);
  EXPECT_EQ(question.from, role::user);
  EXPECT_EQ(question.seq, 1);
  EXPECT_EQ(question.parent, std::nullopt);
  EXPECT_EQ(question.status, message_status::completed);
  const auto answer = message_of(ann, posted.message);
  EXPECT_EQ(answer.from, role::assistant);
  EXPECT_EQ(answer.seq, 2);
  EXPECT_EQ(answer.parent, posted.user_message);
  EXPECT_EQ(answer.status, message_status::queued);
  EXPECT_EQ(answer.task, posted.task);
  EXPECT_EQ(answer.rev, talk.rev);
  const auto job = task_of(ann, posted.task);
  EXPECT_EQ(job.state, task_state::ready);
  EXPECT_EQ(job.queue, "default");
  EXPECT_EQ(job.attempt, 0U);
  EXPECT_EQ(job.rev, talk.rev);
}

TEST_P(store_contract, a_post_follows_the_newest_message_or_the_parent_it_names) {
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  EXPECT_EQ(message_of(ann, second.user_message).parent, first.message);
  EXPECT_EQ(message_of(ann, second.user_message).seq, 3);
  const auto branch = get(posts_->post(ann, first.conversation, "branch", first.message, {}));
  EXPECT_EQ(message_of(ann, branch.user_message).parent, first.message);
  EXPECT_EQ(message_of(ann, branch.message).seq, 6);
  EXPECT_EQ(get(talk_->get(ann, first.conversation)).title, "one");
  EXPECT_EQ(get(talk_->get(ann, first.conversation)).message_count, 6);
  const auto elsewhere = post(ann, "elsewhere");
  EXPECT_EQ(refusal(posts_->post(ann, first.conversation, "x", first.user_message, {})),
            errc::unprocessable);
  EXPECT_EQ(refusal(posts_->post(ann, first.conversation, "x", elsewhere.message, {})),
            errc::unprocessable);
  EXPECT_EQ(refusal(posts_->post(ann, first.conversation, "x", message_id::generate(), {})),
            errc::unprocessable);
  EXPECT_EQ(get(talk_->get(ann, first.conversation)).message_count, 6)
      << "a refused post leaves nothing";
}

TEST_P(store_contract, nobody_posts_into_somebody_elses_conversation) {
  const auto posted = post(ann, "one");
  EXPECT_EQ(refusal(posts_->post(bob, posted.conversation, "x", std::nullopt, {})),
            errc::not_found);
  EXPECT_EQ(refusal(posts_->post(ann, conversation_id::generate(), "x", std::nullopt, {})),
            errc::not_found);
  EXPECT_EQ(refusal(posts_->edit(bob, posted.user_message, "x", {})), errc::not_found);
  EXPECT_EQ(refusal(posts_->regenerate(bob, posted.message, {})), errc::not_found);
  EXPECT_EQ(refusal(posts_->retry(bob, posted.task, {})), errc::not_found);
  EXPECT_EQ(count("messages"), 2);
}

TEST_P(store_contract, an_edit_is_a_new_question_beside_the_old_one) {
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  const auto edited = get(posts_->edit(ann, second.user_message, "two, better", {}));
  const auto question = message_of(ann, edited.user_message);
  EXPECT_EQ(question.parent, first.message);
  EXPECT_EQ(question.content, "two, better");
  EXPECT_EQ(message_of(ann, edited.message).parent, edited.user_message);
  EXPECT_EQ(message_of(ann, second.user_message).content, "two");
  EXPECT_EQ(edited.conversation, first.conversation);
  const auto of_first = get(posts_->edit(ann, first.user_message, "one, better", {}));
  EXPECT_EQ(message_of(ann, of_first.user_message).parent, std::nullopt);
  EXPECT_EQ(refusal(posts_->edit(ann, first.message, "x", {})), errc::unprocessable);
}

TEST_P(store_contract, regenerating_is_a_new_answer_to_the_same_question) {
  const auto first = post(ann, "one");
  finish(claim_one(start_worker()), "first answer");
  submit_options options;
  options.model = "other";
  const auto again = get(posts_->regenerate(ann, first.message, options));
  EXPECT_EQ(again.user_message, first.user_message);
  EXPECT_NE(again.message, first.message);
  const auto answer = message_of(ann, again.message);
  EXPECT_EQ(answer.parent, first.user_message);
  EXPECT_EQ(answer.seq, 3);
  EXPECT_EQ(answer.model, "other");
  EXPECT_EQ(message_of(ann, first.message).content, "first answer");
  EXPECT_EQ(get(talk_->get(ann, first.conversation)).message_count, 3);
  EXPECT_EQ(refusal(posts_->regenerate(ann, first.user_message, {})), errc::unprocessable);
}

TEST_P(store_contract, only_an_answer_that_failed_or_was_cancelled_is_retried) {
  submit_options options;
  options.queue = "email";
  options.priority = 3;
  options.model = "special";
  const auto posted = post_with(ann, options);
  EXPECT_EQ(refusal(posts_->retry(ann, posted.task, {})), errc::conflict);
  const auto worker = start_worker();
  const auto task = claim(worker, 1, {"email"}).at(0);
  EXPECT_EQ(refusal(posts_->retry(ann, posted.task, {})), errc::conflict);
  get(queue_->finish(task.held, failed_with("", "provider_error")));
  const auto again = get(posts_->retry(ann, posted.task, {}));
  EXPECT_EQ(again.user_message, posted.user_message);
  const auto job = task_of(ann, again.task);
  EXPECT_EQ(job.queue, "email") << "as the first time";
  EXPECT_EQ(job.priority, 3);
  EXPECT_EQ(claim(worker, 1, {"email"}).at(0).model, "special");
  const auto fine = post(ann, "fine");
  finish(claim_one(worker));
  EXPECT_EQ(refusal(posts_->retry(ann, fine.task, {})), errc::conflict);
  const auto stopped = post(ann, "stopped");
  cancel(ann, stopped.task);
  EXPECT_EQ(get(posts_->retry(ann, stopped.task, {})).user_message, stopped.user_message);
}

TEST_P(store_contract, the_same_key_starts_one_answer) {
  submit_options options;
  options.once = idempotency{"key-1", "hash-1"};
  const auto first = post_with(ann, options);
  EXPECT_FALSE(first.replayed);
  const auto rev = rev_of(ann);
  bells_.forget();
  const auto second = post_with(ann, options);
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.task, first.task);
  EXPECT_EQ(second.message, first.message);
  EXPECT_EQ(second.user_message, first.user_message);
  EXPECT_EQ(second.conversation, first.conversation);
  EXPECT_EQ(rev_of(ann), rev);
  EXPECT_EQ(bells_.rings_of(ann), 0);
  EXPECT_EQ(count("tasks"), 1);
  options.once->request_hash = "hash-2";
  EXPECT_EQ(refusal(posts_->post(ann, std::nullopt, "x", std::nullopt, options)),
            errc::idempotency_key_reused);
  EXPECT_FALSE(post_with(bob, options).replayed) << "keys are each owner's own";
}

TEST_P(store_contract, edit_regenerate_and_retry_take_a_key_too) {
  const auto posted = post(ann, "one");
  cancel(ann, posted.task);
  submit_options options;
  options.once = idempotency{"edit", "h"};
  const auto edited = get(posts_->edit(ann, posted.user_message, "x", options));
  const auto edited_again = get(posts_->edit(ann, posted.user_message, "x", options));
  EXPECT_TRUE(edited_again.replayed);
  EXPECT_EQ(edited_again.user_message, edited.user_message);
  EXPECT_EQ(edited_again.conversation, posted.conversation);
  options.once->key = "regenerate";
  const auto again = get(posts_->regenerate(ann, posted.message, options));
  EXPECT_EQ(get(posts_->regenerate(ann, posted.message, options)).task, again.task);
  EXPECT_EQ(get(posts_->regenerate(ann, posted.message, options)).user_message,
            posted.user_message);
  options.once->key = "retry";
  const auto retried = get(posts_->retry(ann, posted.task, options));
  EXPECT_EQ(get(posts_->retry(ann, posted.task, options)).task, retried.task);
}

TEST_P(store_contract, a_refused_request_does_not_use_up_its_key) {
  submit_options options;
  options.once = idempotency{"key", "hash"};
  EXPECT_EQ(refusal(posts_->post(ann, conversation_id::generate(), "x", std::nullopt, options)),
            errc::not_found);
  EXPECT_FALSE(post_with(ann, options).replayed);
}

TEST_P(store_contract, the_same_key_at_once_starts_one_answer) {
  for (int round = 0; round < 10; ++round) {
    submit_options options;
    options.once = idempotency{"key-" + std::to_string(round), "hash"};
    std::vector<std::future<result<submission>>> both;
    for (int i = 0; i < 4; ++i)
      both.push_back(start(posts_->post(ann, std::nullopt, "x", std::nullopt, options)));
    std::set<task_id> tasks;
    int fresh = 0;
    for (auto& one : both) {
      const auto outcome = value_of(one.get());
      tasks.insert(outcome.task);
      if (!outcome.replayed) ++fresh;
    }
    EXPECT_EQ(tasks.size(), 1U);
    EXPECT_EQ(fresh, 1);
  }
  EXPECT_EQ(count("tasks"), 10);
}

TEST_P(store_contract, posts_to_one_conversation_at_once_are_all_kept_in_one_order) {
  const auto talk = get(talk_->create(ann, {}));
  std::vector<std::future<result<submission>>> posts;
  for (int i = 0; i < 20; ++i)
    posts.push_back(start(posts_->post(ann, talk.id, std::to_string(i), std::nullopt, {})));
  for (auto& one : posts) value_of(one.get());
  const auto listed = get(talk_->list_messages(ann, talk.id, 100, std::nullopt, false));
  ASSERT_EQ(listed.data.size(), 40U);
  for (std::size_t i = 0; i < listed.data.size(); ++i) {
    EXPECT_EQ(listed.data[i].seq, static_cast<std::int64_t>(i) + 1);
    if (i > 0) EXPECT_EQ(listed.data[i].parent, listed.data[i - 1].id);
  }
  EXPECT_EQ(count("tasks WHERE state = 'ready'"), 1);
  expect_sound();
}

TEST_P(store_contract, an_owner_with_too_many_open_tasks_is_told_so) {
  queue_limits limits;
  limits.open_per_owner_max = 2;
  use(limits);
  const auto first = post(ann, "1");
  post(ann, "2");
  EXPECT_EQ(refusal(posts_->post(ann, std::nullopt, "3", std::nullopt, {})),
            errc::too_many_requests);
  post(bob, "1");
  cancel(ann, first.task);
  post(ann, "3");
}

}  // namespace throughline::store
