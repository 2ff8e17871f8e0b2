// rev: whoever asks what changed misses nothing.
#pragma once

#include <atomic>

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, what_changed_since_a_rev_comes_as_full_rows) {
  const auto posted = post(ann, "hello");
  auto all = get(talk_->changes_since(ann, 0, 100));
  ASSERT_EQ(all.conversations.size(), 1U);
  EXPECT_EQ(all.conversations[0].active_task_ids.size(), 1U);
  EXPECT_EQ(all.messages.size(), 2U);
  ASSERT_EQ(all.tasks.size(), 1U);
  EXPECT_FALSE(all.more);
  EXPECT_EQ(all.rev, rev_of(ann));
  EXPECT_TRUE(get(talk_->changes_since(ann, all.rev, 100)).messages.empty());
  const auto task = claim_one(start_worker());
  save(task, 0, "text");
  EXPECT_TRUE(get(talk_->changes_since(ann, all.rev, 100)).tasks.empty())
      << "claiming and saving are no changes";
  finish(task, "world");
  const auto later = get(talk_->changes_since(ann, all.rev, 100));
  ASSERT_EQ(later.conversations.size(), 1U);
  EXPECT_TRUE(later.conversations[0].active_task_ids.empty());
  ASSERT_EQ(later.messages.size(), 1U);
  EXPECT_EQ(later.messages[0].content, "world");
  ASSERT_EQ(later.tasks.size(), 1U);
  EXPECT_EQ(later.tasks[0].state, task_state::succeeded);
  EXPECT_EQ(later.tasks[0].id, posted.task);
}

TEST_P(store_contract, changes_come_in_pages_of_complete_revs) {
  for (int i = 0; i < 10; ++i) post(ann, "hello");
  std::set<message_id> messages;
  std::set<task_id> tasks;
  std::int64_t rev = 0;
  int pages = 0;
  bool more = true;
  while (more && pages < 50) {
    const auto some = get(talk_->changes_since(ann, rev, 3));
    EXPECT_EQ(some.messages.size(), 2 * some.tasks.size()) << "the rows of one rev come together";
    EXPECT_GT(some.rev, rev);
    for (const auto& one : some.messages) EXPECT_TRUE(messages.insert(one.id).second);
    for (const auto& one : some.tasks) EXPECT_TRUE(tasks.insert(one.id).second);
    rev = some.rev;
    more = some.more;
    ++pages;
  }
  EXPECT_EQ(pages, 10);
  EXPECT_EQ(messages.size(), 20U);
  EXPECT_EQ(rev, rev_of(ann));
}

TEST_P(store_contract, a_deleted_conversation_is_a_change_and_takes_its_rows_with_it) {
  const auto posted = post(ann, "secret");
  const auto before = rev_of(ann);
  get(talk_->remove(ann, posted.conversation));
  auto since = get(talk_->changes_since(ann, 0, 100));
  ASSERT_EQ(since.conversations.size(), 1U);
  EXPECT_TRUE(since.conversations[0].deleted);
  EXPECT_EQ(since.conversations[0].id, posted.conversation);
  EXPECT_TRUE(since.conversations[0].title.empty());
  EXPECT_TRUE(since.messages.empty());
  EXPECT_TRUE(since.tasks.empty());
  const auto removed = since.rev;
  EXPECT_GT(removed, before);
  get(talk_->restore(ann, posted.conversation));
  since = get(talk_->changes_since(ann, removed, 100));
  ASSERT_EQ(since.conversations.size(), 1U);
  EXPECT_FALSE(since.conversations[0].deleted);
  EXPECT_EQ(since.messages.size(), 2U) << "they had been thrown away";
  EXPECT_EQ(since.tasks.size(), 1U);
}

TEST_P(store_contract, a_snapshot_is_the_newest_conversations_and_what_is_running) {
  const auto old = post(ann, "old");
  const auto task = claim_one(start_worker());
  for (int i = 0; i < 3; ++i) {
    const auto done = post(ann, "done");
    cancel(ann, done.task);
  }
  const auto now = get(talk_->snapshot(ann, 2));
  EXPECT_EQ(now.conversations.size(), 2U);
  ASSERT_EQ(now.tasks.size(), 1U);
  EXPECT_EQ(now.tasks[0].id, old.task);
  ASSERT_EQ(now.messages.size(), 1U);
  EXPECT_EQ(now.messages[0].id, old.message);
  EXPECT_EQ(now.messages[0].status, message_status::generating);
  EXPECT_EQ(now.rev, rev_of(ann));
  EXPECT_EQ(task.held.task, old.task);
  EXPECT_EQ(get(talk_->snapshot(bob, 2)).rev, 0);
}

inline aio::awaitable<> post_and_cancel(submissions& posts, task_queue& queue, int times,
                                        std::atomic<int>& left) {
  for (int i = 0; i < times; ++i) {
    const auto posted =
        value_of(co_await posts.post(ann, std::nullopt, "hello", std::nullopt, submit_options()));
    const task_queue::terminal_maker maker = cancelled_ending;
    if (i % 3 == 0) value_of(co_await queue.cancel(ann, posted.task, maker));
  }
  --left;
}

TEST_P(store_contract, who_follows_the_revs_while_others_write_ends_with_what_is_there) {
  constexpr int writers = 4;
  constexpr int posts_each = 25;
  std::atomic<int> writing{writers};
  std::vector<std::future<void>> work;
  for (int w = 0; w < writers; ++w) {
    work.push_back(start(post_and_cancel(*posts_, *queue_, posts_each, writing)));
  }
  std::map<task_id, task_state> seen;
  std::int64_t rev = 0;
  bool more = true;
  while (writing > 0 || more) {
    const bool was_last = writing == 0;
    const auto some = get(talk_->changes_since(ann, rev, 7));
    for (const auto& one : some.tasks) seen[one.id] = one.state;
    rev = some.rev;
    more = some.more || !was_last;
  }
  for (auto& one : work) one.get();
  EXPECT_EQ(seen.size(), std::size_t{writers * posts_each});
  for (const auto& [id, state] : seen) EXPECT_EQ(state, state_of(id));
}

}  // namespace throughline::store
