// Conversations and messages as people see them.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

TEST_P(store_contract, a_conversation_is_made_and_patched_field_by_field) {
  new_conversation fields;
  fields.title = "Title";
  fields.system_prompt = "Be brief.";
  const auto made = get(talk_->create(ann, fields));
  EXPECT_EQ(made.title, "Title");
  EXPECT_EQ(made.model, std::nullopt);
  EXPECT_EQ(made.message_count, 0);
  EXPECT_FALSE(made.pinned);
  conversation_patch patch;
  patch.model = std::optional<std::string>("model");
  patch.pinned = true;
  auto patched = get(talk_->patch(ann, made.id, patch));
  EXPECT_EQ(patched.title, "Title");
  EXPECT_EQ(patched.model, "model");
  EXPECT_EQ(patched.system_prompt, "Be brief.");
  EXPECT_TRUE(patched.pinned);
  EXPECT_EQ(patched.rev, made.rev + 1);
  patch = {};
  patch.system_prompt = std::optional<std::string>();
  patched = get(talk_->patch(ann, made.id, patch));
  EXPECT_EQ(patched.system_prompt, std::nullopt);
  EXPECT_EQ(patched.model, "model");
  post_in(ann, made.id, "first message");
  EXPECT_EQ(get(talk_->get(ann, made.id)).title, "Title");
}

TEST_P(store_contract, somebody_elses_rows_are_not_there) {
  const auto posted = post(ann, "hello");
  EXPECT_EQ(refusal(talk_->get(bob, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->patch(bob, posted.conversation, {})), errc::not_found);
  EXPECT_EQ(refusal(talk_->remove(bob, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->restore(bob, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->list_messages(bob, posted.conversation, 10, std::nullopt, false)),
            errc::not_found);
  EXPECT_EQ(refusal(talk_->get_message(bob, posted.message)), errc::not_found);
  EXPECT_EQ(refusal(queue_->get(bob, posted.task)), errc::not_found);
  EXPECT_EQ(refusal(queue_->task_of(bob, posted.conversation, std::nullopt)), errc::not_found);
  EXPECT_FALSE(may_follow(bob, posted.task));
  EXPECT_TRUE(may_follow(ann, posted.task));
  EXPECT_TRUE(get(queue_->active(bob, 10)).empty());
  EXPECT_TRUE(get(talk_->list(bob, 10, std::nullopt, std::nullopt)).data.empty());
  EXPECT_TRUE(get(talk_->changes_since(bob, 0, 10)).conversations.empty());
}

TEST_P(store_contract, the_list_has_pinned_first_then_the_newest_activity_in_pages) {
  std::vector<conversation_id> made;
  for (int i = 0; i < 7; ++i) {
    made.push_back(get(talk_->create(ann, {})).id);
    ask("UPDATE conversations SET updated_at = $2 WHERE id = $1", {made.back(), 1000 + i / 2});
  }
  conversation_patch pin;
  pin.pinned = true;
  get(talk_->patch(ann, made[1], pin));
  std::vector<conversation_id> listed;
  std::optional<std::string> cursor;
  int pages = 0;
  do {
    const auto some = get(talk_->list(ann, 2, cursor, std::nullopt));
    for (const auto& one : some.data) listed.push_back(one.id);
    cursor = some.next_cursor;
    ++pages;
  } while (cursor && pages < 10);
  EXPECT_EQ(pages, 4);
  const std::vector<conversation_id> expected{made[1], made[6], made[5], made[4],
                                              made[3], made[2], made[0]};
  EXPECT_EQ(listed, expected);
  post_in(ann, made[0], "activity");
  EXPECT_EQ(get(talk_->list(ann, 2, std::nullopt, std::nullopt)).data[1].id, made[0]);
}

TEST_P(store_contract, a_cursor_that_was_never_given_out_is_refused) {
  const auto talk = get(talk_->create(ann, {}));
  for (const std::string bad : {"", "zz", "6d2e31", "6d2e312e", "632e312e", "00"}) {
    EXPECT_EQ(refusal(talk_->list(ann, 10, bad, std::nullopt)), errc::invalid_request) << bad;
  }
  for (const std::string bad : {"", "1", "6d2e31", "6d2e2d312e", "632e302e302e"}) {
    EXPECT_EQ(refusal(talk_->list_messages(ann, talk.id, 10, bad, false)), errc::invalid_request)
        << bad;
  }
}

TEST_P(store_contract, messages_are_listed_from_either_end_in_pages) {
  const auto first = post(ann, "1");
  for (int i = 2; i <= 4; ++i) post_in(ann, first.conversation, std::to_string(i));
  for (const bool newest_first : {false, true}) {
    std::vector<std::int64_t> seqs;
    std::optional<std::string> cursor;
    do {
      const auto some = get(talk_->list_messages(ann, first.conversation, 3, cursor, newest_first));
      for (const auto& one : some.data) seqs.push_back(one.seq);
      cursor = some.next_cursor;
    } while (cursor);
    if (newest_first) std::reverse(seqs.begin(), seqs.end());
    EXPECT_EQ(seqs, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  }
}

TEST_P(store_contract, search_looks_in_titles_and_texts_and_shows_where) {
  const auto bread = post(ann, "How is Sourdough made?");
  finish(claim_one(start_worker()),
         "With " + std::string(200, '.') + " 100% rye_flour and " + std::string(200, '.'));
  new_conversation fields;
  fields.title = "The sourdough list";
  const auto titled = get(talk_->create(ann, fields));
  post(ann, "100 rye-flour");
  post(bob, "sourdough");
  const auto search = [&](std::string text) {
    return get(talk_->list(ann, 10, std::nullopt, text)).data;
  };
  auto found = search("SOURDOUGH");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, titled.id);
  EXPECT_EQ(found[0].snippet, "The sourdough list");
  EXPECT_EQ(found[1].snippet, "How is Sourdough made?");
  found = search("100% rye_FLOUR");
  ASSERT_EQ(found.size(), 1U) << "wildcards are letters";
  EXPECT_EQ(found[0].id, bread.conversation);
  EXPECT_NE(found[0].snippet->find("100% rye_flour"), std::string::npos);
  EXPECT_LT(found[0].snippet->size(), 140U);
  EXPECT_TRUE(search("\\").empty());
  EXPECT_TRUE(search("nowhere").empty());
  const auto page = get(talk_->list(ann, 1, std::nullopt, "sourdough"));
  ASSERT_TRUE(page.next_cursor.has_value());
  EXPECT_EQ(get(talk_->list(ann, 1, page.next_cursor, "sourdough")).data[0].id, bread.conversation);
  EXPECT_EQ(refusal(talk_->list(ann, 1, std::nullopt, std::string(2000, 'x'))),
            errc::invalid_request);
}

TEST_P(store_contract, a_removed_conversation_is_hidden_everywhere_until_it_is_restored) {
  const auto posted = post(ann, "secret");
  const auto behind = post_in(ann, posted.conversation, "more");
  const auto tasks = get(talk_->remove(ann, posted.conversation));
  EXPECT_EQ(std::set<task_id>(tasks.begin(), tasks.end()),
            (std::set<task_id>{posted.task, behind.task}));
  EXPECT_EQ(refusal(talk_->get(ann, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->remove(ann, posted.conversation)), errc::not_found);
  EXPECT_EQ(refusal(talk_->patch(ann, posted.conversation, {})), errc::not_found);
  EXPECT_EQ(refusal(talk_->get_message(ann, posted.message)), errc::not_found);
  EXPECT_EQ(refusal(talk_->list_messages(ann, posted.conversation, 10, std::nullopt, false)),
            errc::not_found);
  EXPECT_EQ(refusal(queue_->get(ann, posted.task)), errc::not_found);
  EXPECT_EQ(refusal(queue_->task_of(ann, posted.conversation, posted.message)), errc::not_found);
  EXPECT_FALSE(may_follow(ann, posted.task));
  EXPECT_EQ(refusal(posts_->post(ann, posted.conversation, "x", std::nullopt, {})),
            errc::not_found);
  EXPECT_EQ(refusal(posts_->regenerate(ann, posted.message, {})), errc::not_found);
  EXPECT_EQ(refusal(posts_->retry(ann, posted.task, {})), errc::not_found);
  EXPECT_TRUE(get(queue_->active(ann, 10)).empty());
  EXPECT_TRUE(get(talk_->list(ann, 10, std::nullopt, std::nullopt)).data.empty());
  EXPECT_TRUE(get(talk_->list(ann, 10, std::nullopt, "secret")).data.empty());
  for (const auto task : tasks) EXPECT_EQ(cancel(ann, task).state, task_state::cancelled);
  const auto restored = get(talk_->restore(ann, posted.conversation));
  EXPECT_EQ(restored.message_count, 4);
  EXPECT_EQ(message_of(ann, posted.message).status, message_status::cancelled);
  EXPECT_EQ(get(talk_->restore(ann, posted.conversation)).id, posted.conversation);
  expect_sound();
}

TEST_P(store_contract, the_tasks_of_a_removed_conversation_are_marked_in_the_same_breath) {
  post(ann, "one");
  const auto posted = post(ann, "two");
  get(talk_->remove(ann, posted.conversation));
  for (const auto& task : claim(start_worker())) {
    EXPECT_EQ(task.cancel_requested, task.held.task == posted.task) << "whoever claims it ends it";
  }
}

TEST_P(store_contract, the_task_of_an_answer_is_found_by_its_message_or_as_the_newest_open_one) {
  const auto first = post(ann, "one");
  const auto second = post_in(ann, first.conversation, "two");
  const auto other = post(ann, "other");
  EXPECT_EQ(get(queue_->task_of(ann, first.conversation, first.message)), first.task);
  EXPECT_EQ(get(queue_->task_of(ann, first.conversation, first.user_message)), std::nullopt);
  EXPECT_EQ(get(queue_->task_of(ann, first.conversation, std::nullopt)), second.task);
  EXPECT_EQ(refusal(queue_->task_of(ann, first.conversation, other.message)), errc::not_found);
  cancel(ann, second.task);
  cancel(ann, first.task);
  EXPECT_EQ(get(queue_->task_of(ann, first.conversation, std::nullopt)), std::nullopt);
  const auto active = get(queue_->active(ann, 10));
  ASSERT_EQ(active.size(), 1U);
  EXPECT_EQ(active[0].id, other.task);
}

}  // namespace throughline::store
