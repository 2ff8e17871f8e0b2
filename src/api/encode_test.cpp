#include "api/encode.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/json.hpp"

namespace throughline::api {
namespace {

const auto some_time = from_unix_ms(1'700'000'000'123);
constexpr std::string_view some_time_text = "2023-11-14T22:13:20.123Z";

template <class Id>
Id id_ending(char last) {
  return *Id::parse(std::string("01890000-0000-7000-8000-00000000000") + last);
}

json::object parsed(const std::string& text) {
  return json::parse(text).as_object();
}

store::message an_answer() {
  store::message row;
  row.id = id_ending<message_id>('1');
  row.conversation = id_ending<conversation_id>('2');
  row.from = store::role::assistant;
  row.status = store::message_status::generating;
  row.created_at = some_time;
  return row;
}

store::task a_task() {
  store::task row;
  row.id = id_ending<task_id>('3');
  row.message = id_ending<message_id>('1');
  row.conversation = id_ending<conversation_id>('2');
  row.state = store::task_state::running;
  row.status = store::message_status::generating;
  row.attempt = 2;
  row.queue = "chat";
  row.created_at = some_time;
  return row;
}

TEST(encode, a_conversation_has_every_member_in_order) {
  store::conversation row;
  row.id = id_ending<conversation_id>('2');
  row.title = "a \"title\"";
  row.created_at = row.updated_at = some_time;
  row.active_task_ids = {id_ending<task_id>('3')};
  row.message_count = 4;
  row.rev = 7;
  EXPECT_EQ(encode(row),
            R"({"id":"01890000-0000-7000-8000-000000000002","title":"a \"title\"","model":null,)"
            R"("system_prompt":null,"pinned":false,"created_at":"2023-11-14T22:13:20.123Z",)"
            R"("updated_at":"2023-11-14T22:13:20.123Z","message_count":4,)"
            R"("active_task_ids":["01890000-0000-7000-8000-000000000003"],"rev":7})");
}

TEST(encode, a_snippet_is_there_in_a_search_only) {
  store::conversation row;
  EXPECT_FALSE(parsed(encode(row)).contains("snippet"));
  row.snippet = "...found...";
  EXPECT_EQ(parsed(encode(row)).at("snippet"), "...found...");
}

TEST(encode, what_an_answer_does_not_have_yet_is_null) {
  const auto object = parsed(encode(an_answer()));
  for (const char* name : {"parent_id", "task_id", "model", "provider", "attempt", "finish_reason",
                           "usage", "ttft_ms", "latency_ms", "error", "completed_at"}) {
    EXPECT_TRUE(object.at(name).is_null()) << name;
  }
  EXPECT_EQ(object.at("role"), "assistant");
  EXPECT_EQ(object.at("status"), "generating");
  EXPECT_EQ(object.at("created_at").as_string(), some_time_text);
  EXPECT_EQ(object.size(), 20U);
}

TEST(encode, a_failed_answer_says_what_happened_and_what_it_cost) {
  auto row = an_answer();
  row.status = store::message_status::error;
  row.usage = store::token_usage{3, 4, true};
  row.failure = store::answer_error{"provider_timeout", "The model took too long", true};
  const auto object = parsed(encode(row));
  EXPECT_EQ(object.at("usage"), json::parse(R"({"input_tokens":3,"output_tokens":4,)"
                                            R"("total_tokens":7,"estimated":true})"));
  EXPECT_EQ(object.at("error"), json::parse(R"({"code":"provider_timeout","message":)"
                                            R"("The model took too long","retryable":true})"));
}

TEST(encode, a_task_shows_its_progress_and_its_place) {
  auto row = a_task();
  row.queue_place = 0;
  const auto object = parsed(encode(task_view{row, {"2-5", 6}}));
  EXPECT_EQ(object.at("state"), "running");
  EXPECT_EQ(object.at("position"), "2-5");
  EXPECT_EQ(object.at("chunk_count"), 6);
  EXPECT_EQ(object.at("queue_place"), 0);
  EXPECT_TRUE(object.at("started_at").is_null());
  EXPECT_EQ(object.size(), 16U);
}

TEST(encode, the_inner_states_of_the_queue_are_not_shown) {
  auto row = a_task();
  row.state = store::task_state::blocked;
  EXPECT_EQ(shown_state(row), "queued");
  row.state = store::task_state::ready;
  EXPECT_EQ(shown_state(row), "queued");
}

TEST(encode, a_requested_end_is_shown_until_it_has_happened) {
  auto row = a_task();
  row.cancel_requested = true;
  EXPECT_EQ(shown_state(row), "cancelling");
  row.state = store::task_state::cancelled;
  EXPECT_EQ(shown_state(row), "cancelled");
  row.state = store::task_state::succeeded;
  EXPECT_EQ(shown_state(row), "succeeded");
}

TEST(encode, what_was_deleted_is_an_id_and_nothing_else) {
  store::changes changed;
  store::conversation gone;
  gone.id = id_ending<conversation_id>('2');
  gone.title = "must not be seen";
  gone.deleted = true;
  changed.conversations.push_back(gone);
  auto message = an_answer();
  message.deleted = true;
  changed.messages.push_back(message);
  changed.rev = 9;
  std::string event;
  append_changes(event, changed, {}, false);
  EXPECT_EQ(event,
            R"({"conversations":[{"id":"01890000-0000-7000-8000-000000000002","deleted":true}],)"
            R"("messages":[{"id":"01890000-0000-7000-8000-000000000001","deleted":true}],)"
            R"("tasks":[]})");
  std::string page;
  append_changes(page, changed, {}, true);
  EXPECT_TRUE(page.ends_with(R"("tasks":[],"rev":9,"more":false})"));
}

TEST(encode, a_page_says_whether_there_is_another) {
  store::page<store::message> page;
  EXPECT_EQ(encode(page), R"({"data":[],"next_cursor":null})");
  page.next_cursor = "abc";
  EXPECT_EQ(encode(page), R"({"data":[],"next_cursor":"abc"})");
}

TEST(encode, no_text_can_break_a_line) {
  auto row = an_answer();
  row.content =
      "a\nb\r\n\xE2\x80\xA8"
      "c";
  const auto text = encode(row);
  EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(parsed(text).at("content").as_string(), row.content);
}

TEST(encode, a_post_is_answered_in_two_vocabularies) {
  const store::submission accepted{id_ending<task_id>('3'), id_ending<message_id>('1'),
                                   id_ending<message_id>('4'), id_ending<conversation_id>('2'),
                                   false};
  EXPECT_EQ(encode_submission(accepted),
            R"({"task_id":"01890000-0000-7000-8000-000000000003",)"
            R"("message_id":"01890000-0000-7000-8000-000000000001",)"
            R"("user_message_id":"01890000-0000-7000-8000-000000000004","status":"processing",)"
            R"("stream_url":"/stream/01890000-0000-7000-8000-000000000003"})");
  EXPECT_EQ(encode_chat_submission(accepted),
            R"({"message_id":"01890000-0000-7000-8000-000000000001",)"
            R"("session_id":"01890000-0000-7000-8000-000000000002",)"
            R"("task_id":"01890000-0000-7000-8000-000000000003","status":"queued",)"
            R"("stream_url":"/chat/stream/01890000-0000-7000-8000-000000000002?message_id=)"
            R"(01890000-0000-7000-8000-000000000001"})");
}

}  // namespace
}  // namespace throughline::api
