// Pages of changes and of messages stay small, whatever one person has written and restored.
#include "contract/store_fixture.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t most = 1000;

TEST_P(store_contract, a_page_of_changes_ends_before_it_has_too_much_text) {
  const std::string text(std::size_t{1} << 20U, 'x');
  std::vector<message_id> all;
  for (int i = 0; i < 8; ++i) all.push_back(post(ann, text).user_message);
  std::int64_t since = 0;
  std::vector<message_id> seen;
  bool more = true;
  while (more) {
    const auto page = get(talk_->changes_since(ann, since, most));
    std::size_t bytes = 0;
    for (const auto& one : page.messages) {
      bytes += one.content.size();
      if (one.from == role::user) seen.push_back(one.id);
    }
    EXPECT_LE(bytes, 5 * text.size());
    ASSERT_GT(page.rev, since) << "no progress";
    since = page.rev;
    more = page.more;
  }
  EXPECT_EQ(seen, all);
  EXPECT_EQ(since, rev_of(ann));
}

TEST_P(store_contract, a_page_of_messages_ends_before_it_has_too_much_text) {
  const std::string text(std::size_t{1} << 20U, 'x');
  const auto talk = post(ann, text).conversation;
  for (int i = 0; i < 7; ++i) post_in(ann, talk, text);
  for (const bool newest_first : {false, true}) {
    std::set<message_id> seen;
    std::optional<std::string> cursor;
    do {
      const auto page = get(talk_->list_messages(ann, talk, 200, cursor, newest_first));
      std::size_t bytes = 0;
      for (const auto& one : page.data) {
        bytes += one.content.size();
        seen.insert(one.id);
      }
      EXPECT_LE(bytes, 5 * text.size());
      ASSERT_FALSE(page.data.empty()) << "no progress";
      cursor = page.next_cursor;
    } while (cursor);
    EXPECT_EQ(seen.size(), 16U);
  }
}

TEST_P(store_contract, a_long_conversation_that_is_restored_comes_back_in_pages) {
  const auto first = post(ann, "hello");
  for (int i = 0; i < 60; ++i) post_in(ann, first.conversation, "more");
  const auto before = rev_of(ann);
  get(talk_->remove(ann, first.conversation));
  get(talk_->restore(ann, first.conversation));
  std::int64_t since = before;
  std::set<message_id> messages;
  std::set<task_id> tasks;
  bool is_back = false;
  bool more = true;
  while (more) {
    const auto page = get(talk_->changes_since(ann, since, 20));
    EXPECT_LE(page.messages.size() + page.tasks.size(), 40U);
    for (const auto& one : page.conversations) is_back = is_back || !one.deleted;
    for (const auto& one : page.messages) messages.insert(one.id);
    for (const auto& one : page.tasks) tasks.insert(one.id);
    ASSERT_GT(page.rev, since) << "no progress";
    since = page.rev;
    more = page.more;
  }
  EXPECT_TRUE(is_back);
  EXPECT_EQ(messages.size(), 122U);
  EXPECT_EQ(tasks.size(), 61U);
  EXPECT_EQ(since, rev_of(ann));
  post(ann, "and on");
  EXPECT_EQ(get(talk_->changes_since(ann, since, most)).messages.size(), 2U) << "revs go on above";
}

}  // namespace
}  // namespace throughline::store
