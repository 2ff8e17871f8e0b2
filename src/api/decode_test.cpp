#include "api/decode.hpp"

#include <gtest/gtest.h>

namespace throughline::api {
namespace {

constexpr std::size_t limit = 1024;
constexpr std::string_view id_text = "01890000-0000-7000-8000-000000000003";

template <class T>
void expect_refused(const result<T>& outcome, errc code, std::string_view names) {
  ASSERT_TRUE(outcome.has_error()) << names;
  EXPECT_EQ(outcome.error().code, code) << outcome.error().detail;
  EXPECT_NE(outcome.error().detail.find(names), std::string::npos) << outcome.error().detail;
}

http::request a_post(std::string body) {
  http::request incoming;
  incoming.verb = http::method::post;
  incoming.path = "/conversations/x/messages";
  incoming.body = std::move(body);
  return incoming;
}

http::query_parameters query(std::string_view text) {
  return *http::query_parameters::parse(text);
}

TEST(decode_bodies, a_post_has_content_and_may_have_more) {
  const auto plain = decode_post(R"({"content":"  hi "})", limit);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->content, "  hi ");
  EXPECT_EQ(plain->priority, 0);
  EXPECT_FALSE(plain->queue);
  const auto full = decode_post(R"({"content":"hi","parent_id":")" + std::string(id_text) +
                                    R"(","model":"m","queue":"chat","priority":-100})",
                                limit);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->parent->to_string(), id_text);
  EXPECT_EQ(full->queue, "chat");
  EXPECT_EQ(full->priority, -100);
}

TEST(decode_bodies, what_is_wrong_is_named) {
  expect_refused(decode_post(R"({"content":"hi","colour":1})", limit), errc::invalid_request,
                 "colour");
  expect_refused(decode_post(R"({})", limit), errc::invalid_request, "content");
  expect_refused(decode_post("", limit), errc::invalid_request, "content");
  expect_refused(decode_post(R"({"content":" \n\t"})", limit), errc::invalid_request, "content");
  expect_refused(decode_post(R"({"content":7})", limit), errc::invalid_request, "content");
  expect_refused(decode_post(R"({"content":"a","priority":101})", limit), errc::invalid_request,
                 "priority");
  expect_refused(decode_post(R"({"content":"a","parent_id":"7"})", limit), errc::invalid_request,
                 "parent_id");
  expect_refused(decode_post("[1]", limit), errc::invalid_request, "");
  expect_refused(decode_post("{", limit), errc::invalid_request, "");
}

TEST(decode_bodies, content_is_bounded_in_bytes) {
  const auto body = [](std::size_t size) {
    return R"({"content":")" + std::string(size, 'x') + R"("})";
  };
  EXPECT_TRUE(decode_post(body(limit), limit));
  expect_refused(decode_post(body(limit + 1), limit), errc::payload_too_large, "content");
  expect_refused(decode_edit(body(limit + 1), limit), errc::payload_too_large, "content");
  expect_refused(decode_chat(body(limit + 1), limit), errc::payload_too_large, "content");
}

TEST(decode_bodies, a_title_is_bounded_in_characters) {
  std::string title;
  for (int i = 0; i < 200; ++i) title += "\xF0\x9F\x98\x80";  // four bytes each
  const auto fits = decode_new_conversation(R"({"title":")" + title + R"("})", limit);
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->title, title);
  const std::string longer(201, 'x');
  expect_refused(decode_new_conversation(R"({"title":")" + longer + R"("})", limit),
                 errc::invalid_request, "title");
  expect_refused(decode_patch(R"({"title":")" + longer + R"("})", limit), errc::invalid_request,
                 "title");
}

TEST(decode_bodies, a_conversation_needs_nothing) {
  for (const std::string_view body : {"", "{}", "  \n"}) {
    const auto fields = decode_new_conversation(body, limit);
    ASSERT_TRUE(fields) << body;
    EXPECT_FALSE(fields->title || fields->model || fields->system_prompt);
  }
}

TEST(decode_bodies, a_patch_leaves_sets_or_clears) {
  const auto leaves = decode_patch("{}", limit);
  ASSERT_TRUE(leaves);
  EXPECT_FALSE(leaves->title || leaves->model || leaves->system_prompt || leaves->pinned);
  const auto sets = decode_patch(R"({"title":"","model":"m","pinned":true})", limit);
  ASSERT_TRUE(sets);
  EXPECT_EQ(sets->title, "");
  EXPECT_EQ(sets->model, std::optional<std::string>("m"));
  EXPECT_EQ(sets->pinned, true);
  const auto clears = decode_patch(R"({"model":null,"system_prompt":null})", limit);
  ASSERT_TRUE(clears);
  ASSERT_TRUE(clears->model && clears->system_prompt);
  EXPECT_FALSE(*clears->model || *clears->system_prompt);
  expect_refused(decode_patch(R"({"title":null})", limit), errc::invalid_request, "title");
  expect_refused(decode_patch(R"({"pinned":null})", limit), errc::invalid_request, "pinned");
}

TEST(decode_bodies, a_session_id_that_is_none_is_nobodys) {
  const auto without = decode_chat(R"({"content":"hi"})", limit);
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->session);
  const auto odd = decode_chat(R"({"content":"hi","session_id":"abc"})", limit);
  ASSERT_TRUE(odd);
  ASSERT_TRUE(odd->session);
  EXPECT_TRUE(odd->session->is_nil());
  expect_refused(decode_chat(R"({"content":"hi","priority":1})", limit), errc::invalid_request,
                 "priority");
}

TEST(decode_bodies, a_system_prompt_is_for_a_new_session) {
  const auto begun = decode_chat(R"({"content":"hi","system_prompt":"Be brief."})", limit);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->system_prompt, "Be brief.");
  EXPECT_TRUE(decode_chat(R"({"content":"hi","session_id":"a","system_prompt":null})", limit));
  expect_refused(
      decode_chat(R"({"content":"hi","session_id":"a","system_prompt":"Be brief."})", limit),
      errc::invalid_request, "system_prompt");
}

TEST(decode_bodies, calls_that_take_nothing_say_so) {
  EXPECT_TRUE(decode_nothing(""));
  EXPECT_TRUE(decode_nothing("{}"));
  expect_refused(decode_nothing(R"({"force":true})"), errc::invalid_request, "force");
}

TEST(decode_requests, a_body_is_declared_as_json) {
  auto incoming = a_post("{}");
  expect_refused(check_content_type(incoming), errc::unsupported_media_type, "missing");
  incoming.headers.set("Content-Type", "text/plain");
  expect_refused(check_content_type(incoming), errc::unsupported_media_type, "text/plain");
  incoming.headers.set("Content-Type", "Application/JSON ; charset=utf-8");
  EXPECT_TRUE(check_content_type(incoming));
  EXPECT_TRUE(check_content_type(a_post("")));
}

TEST(decode_requests, a_page_is_bounded) {
  EXPECT_EQ(decode_page(query(""))->limit, 50);
  EXPECT_EQ(decode_page(query("limit=200"))->limit, 200);
  EXPECT_EQ(decode_page(query("cursor=abc"))->cursor, "abc");
  EXPECT_FALSE(decode_page(query("cursor="))->cursor);
  expect_refused(decode_page(query("limit=0")), errc::invalid_request, "limit");
  expect_refused(decode_page(query("limit=201")), errc::invalid_request, "limit");
  expect_refused(decode_page(query("limit=x")), errc::invalid_request, "limit");
}

TEST(decode_requests, background_has_two_names) {
  EXPECT_TRUE(*decode_in_background(query("")));
  EXPECT_FALSE(*decode_in_background(query("use_celery=false")));
  EXPECT_FALSE(*decode_in_background(query("background=0")));
  EXPECT_TRUE(*decode_in_background(query("background=true&use_celery=true")));
  expect_refused(decode_in_background(query("background=true&use_celery=false")),
                 errc::invalid_request, "disagree");
  expect_refused(decode_in_background(query("use_celery=perhaps")), errc::invalid_request,
                 "use_celery");
}

TEST(decode_requests, an_idempotency_key_is_visible_ascii) {
  auto incoming = a_post("{}");
  EXPECT_FALSE(*decode_idempotency(incoming));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("\xC3\xA9"),
                                 std::string(256, 'k'), std::string("a\x7F")}) {
    incoming.headers.set("Idempotency-Key", bad);
    expect_refused(decode_idempotency(incoming), errc::invalid_request, "Idempotency-Key");
  }
  incoming.headers.set("Idempotency-Key", std::string(255, 'k'));
  EXPECT_EQ((*decode_idempotency(incoming))->key, std::string(255, 'k'));
}

TEST(decode_requests, the_hash_covers_method_path_and_body) {
  const auto hash = [](const http::request& incoming) {
    return (*decode_idempotency(incoming))->request_hash;
  };
  auto incoming = a_post("{}");
  incoming.headers.set("Idempotency-Key", "k");
  const auto same = hash(incoming);
  // printf 'POST\n/conversations/x/messages\n{}' | sha256sum
  EXPECT_EQ(same, "041cec731593b4f1b644c8b0a742ad09a6d93c8cc36cb0f8e6c7a5c98052a4f1");
  auto other = incoming;
  other.body = "{ }";
  EXPECT_NE(hash(other), same);
  other = incoming;
  other.path += "/";
  EXPECT_NE(hash(other), same);
  other = incoming;
  other.verb = http::method::put;
  EXPECT_NE(hash(other), same);
}

TEST(decode_requests, a_long_poll_asks_for_json_and_for_no_events) {
  http::request incoming;
  const auto accepts = [&](const char* what) {
    incoming.headers.set("Accept", what);
    return wants_json(incoming);
  };
  EXPECT_FALSE(wants_json(incoming));
  EXPECT_TRUE(accepts("application/json"));
  EXPECT_TRUE(accepts("text/plain, Application/JSON;q=0.9"));
  EXPECT_FALSE(accepts("*/*"));
  EXPECT_FALSE(accepts("text/event-stream"));
  EXPECT_FALSE(accepts("text/event-stream, application/json"));
}

TEST(decode_positions, empty_is_the_start_and_nonsense_is_garbage) {
  EXPECT_FALSE(decode_position("").after);
  EXPECT_FALSE(decode_position("").garbage);
  EXPECT_EQ(decode_position("2-7").after, (stream::position{2, 7}));
  EXPECT_FALSE(decode_position("2-7").garbage);
  for (const std::string_view bad : {"x", "1", "-1-2", "0-0", "0-3", "1-99999999999"}) {
    EXPECT_TRUE(decode_position(bad).garbage) << bad;
    EXPECT_FALSE(decode_position(bad).after) << bad;
  }
}

TEST(decode_positions, the_header_wins_even_when_it_is_empty) {
  http::request incoming;
  EXPECT_FALSE(sent_position(incoming));
  incoming.query = query("after=1-2");
  EXPECT_EQ(sent_position(incoming), "1-2");
  incoming.headers.set("Last-Event-ID", "");
  EXPECT_EQ(sent_position(incoming), "");
  incoming.headers.set("Last-Event-ID", "1-9");
  EXPECT_EQ(sent_position(incoming), "1-9");
}

TEST(decode_positions, a_task_cursor_names_a_task) {
  const std::string task(id_text);
  const auto cursor = decode_task_cursor(task + ":1-42");
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->task.to_string(), task);
  EXPECT_EQ(cursor->from.after, (stream::position{1, 42}));
  EXPECT_TRUE(decode_task_cursor(task + ":what")->from.garbage);
  EXPECT_TRUE(decode_task_cursor(task + ":0-0")->from.garbage) << "of a reset outside the log";
  EXPECT_FALSE(decode_task_cursor(task + ":")->from.after);
  EXPECT_FALSE(decode_task_cursor("1-42"));
  EXPECT_FALSE(decode_task_cursor("task:1-42"));
}

TEST(decode_positions, cursors_are_a_bounded_list) {
  const std::string one = std::string(id_text) + ":1-42";
  EXPECT_TRUE(decode_cursors("")->empty());
  EXPECT_EQ(decode_cursors(one + "," + one)->size(), 2U);
  expect_refused(decode_cursors(one + ","), errc::invalid_request, "cursors");
  std::string many = one;
  for (std::size_t i = 1; i < event_cursors_max; ++i) many += "," + one;
  EXPECT_EQ(decode_cursors(many)->size(), event_cursors_max);
  expect_refused(decode_cursors(many + "," + one), errc::invalid_request, "at most");
}

TEST(decode_positions, a_rev_is_a_number) {
  EXPECT_EQ(decode_rev("0"), 0);
  EXPECT_EQ(decode_rev("17"), 17);
  for (const std::string_view bad : {"", "-1", "-0", "1x", "1-42", "99999999999999999999"}) {
    EXPECT_FALSE(decode_rev(bad)) << bad;
  }
}

}  // namespace
}  // namespace throughline::api
