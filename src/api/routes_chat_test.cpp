#include "api/partial_text.hpp"
#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

/// Cannot be read any more when it is told so.
class unreadable_database final : public sql::database {
 public:
  explicit unreadable_database(sql::database& inner) : inner_(inner) {}
  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    return inner_.write_transaction(std::move(body));
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    if (refuses) co_return fail(errc::storage_failed, "as told");
    auto outcome = co_await inner_.read_transaction(std::move(body));
    co_return outcome;
  }
  std::atomic<bool> refuses{false};

 private:
  sql::database& inner_;
};

class chat_routes : public api_test {
 protected:
  json::object ask_chat(const std::string& content = "Why?") {
    json::object body;
    body["content"] = content;
    return object(post("/chat/messages", json::serialize(body)), 202);
  }
  static std::string status_of(const json::object& posted) {
    return "/chat/status/" + text(posted, "session_id") + "/" + text(posted, "message_id");
  }
};

TEST_F(chat_routes, a_post_without_a_session_makes_one) {
  const auto posted = ask_chat();
  EXPECT_EQ(posted.at("status"), "queued");
  EXPECT_EQ(text(posted, "stream_url"), "/chat/stream/" + text(posted, "session_id") +
                                            "?message_id=" + text(posted, "message_id"));
  const auto again = object(post("/api/v1/chat/messages", R"({"content":"More?","session_id":")" +
                                                              text(posted, "session_id") + "\"}"),
                            202);
  EXPECT_EQ(again.at("session_id"), posted.at("session_id"));
  EXPECT_EQ(post("/chat/messages", R"({"content":"a","session_id":"7"})").status, 404);
  EXPECT_EQ(post("/chat/messages",
                 R"({"content":"a","session_id":")" + uuid::generate().to_string() + "\"}")
                .status,
            404);
}

TEST_F(chat_routes, a_new_session_begins_with_its_system_prompt_and_once_for_a_key) {
  const std::string body = R"({"content":"Why?","system_prompt":"Be brief."})";
  const header_list key{{"Idempotency-Key", "k"}};
  const auto posted = object(post("/chat/messages", body, key), 202);
  EXPECT_EQ(object(post("/chat/messages", body, key), 202), posted);
  const auto made = object(get("/conversations/" + text(posted, "session_id")));
  EXPECT_EQ(made.at("system_prompt"), "Be brief.");
  EXPECT_EQ(object(get("/conversations")).at("data").as_array().size(), 1U);
}

TEST_F(chat_routes, ids_name_the_task_and_select_it) {
  const auto posted = ask_chat();
  const auto task = text(posted, "task_id");
  const auto target = "/chat/stream/" + text(posted, "session_id");
  auto answer = begin_answer();
  append_text(answer, "a");
  append_text(answer, "b");
  const auto newest = open(target);
  newest->wait_for("id: " + task + ":1-1\n");
  finish(answer);
  EXPECT_NE(newest->whole_stream().find("id: " + task + ":1-2\n"), std::string::npos);
  EXPECT_EQ(get(target).status, 204) << "nothing runs";
  const auto resumed = open(target, {{"Last-Event-ID", task + ":1-0"}})->whole_stream();
  EXPECT_TRUE(resumed.starts_with("retry: 1000\n\nid: " + task + ":1-1\n")) << resumed;
  EXPECT_EQ(get(target + "?after=" + task + ":1-2").status, 204);
}

TEST_F(chat_routes, a_named_answer_is_streamed_even_when_it_has_ended) {
  const auto posted = ask_chat();
  auto answer = begin_answer();
  append_text(answer, "a");
  finish(answer);
  const auto whole = open(text(posted, "stream_url"))->whole_stream();
  EXPECT_NE(whole.find(":1-1\n"), std::string::npos);
  const auto session = "/chat/stream/" + text(posted, "session_id");
  EXPECT_EQ(get(session + "?message_id=" + uuid::generate().to_string()).status, 404);
  EXPECT_EQ(get(session + "?message_id=7").status, 404);
}

TEST_F(chat_routes, an_id_of_another_session_is_404) {
  const auto first = ask_chat();
  const auto second = ask_chat();
  EXPECT_EQ(get("/chat/stream/" + text(first, "session_id"),
                {{"Last-Event-ID", text(second, "task_id") + ":1-0"}})
                .status,
            404);
  EXPECT_EQ(get("/chat/stream/" + uuid::generate().to_string()).status, 404);
}

TEST_F(chat_routes, an_id_that_is_none_gets_a_reset_and_everything) {
  const auto posted = ask_chat();
  auto answer = begin_answer();
  append_text(answer, "a");
  finish(answer);
  const auto whole = open(text(posted, "stream_url"), {{"Last-Event-ID", "1-0"}})->whole_stream();
  EXPECT_NE(whole.find("position_unknown"), std::string::npos) << whole;
  const auto task = text(posted, "task_id");
  EXPECT_TRUE(whole.starts_with("retry: 1000\n\nid: " + task + ":0-0\ndata: ")) << whole;
  const auto session = "/chat/stream/" + text(posted, "session_id");
  EXPECT_EQ(open(session, {{"Last-Event-ID", task + ":0-0"}})->whole_stream(), whole)
      << "it selects its task, which has ended";
}

TEST_F(chat_routes, the_status_has_the_text_so_far) {
  const auto posted = ask_chat();
  EXPECT_EQ(object(get(status_of(posted))).at("status"), "queued");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  const auto partial = object(get(status_of(posted)));
  EXPECT_EQ(partial.at("content"), "Hello");
  EXPECT_EQ(partial.at("chunk_count"), 2);
  EXPECT_EQ(partial.at("task_id"), posted.at("task_id"));
  finish(answer);
  const auto ended = object(get(status_of(posted)));
  EXPECT_EQ(ended.at("status"), "completed");
  EXPECT_EQ(ended.at("content"), "Hello");
  EXPECT_EQ(ended.at("chunk_count"), 3);
  EXPECT_TRUE(ended.at("error").is_null());
  EXPECT_EQ(
      get("/chat/status/" + uuid::generate().to_string() + "/" + text(posted, "message_id")).status,
      404);
}

TEST_F(chat_routes, a_synchronous_post_answers_with_the_message) {
  const auto waiting =
      send(http::method::post, "/chat/messages?use_celery=false", R"({"content":"Why?"})", {});
  const auto deadline = std::chrono::steady_clock::now() + test_patience;
  while (object(get("/active-streams")).at("data").as_array().empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  auto answer = begin_answer();
  append_text(answer, "So.");
  finish(answer, store::task_state::failed);
  const auto message = object(waiting->reply(), 200);
  EXPECT_EQ(message.at("content"), "So.");
  EXPECT_EQ(message.at("status"), "error");
  EXPECT_EQ(message.at("error").at("code"), "provider_error");
}

TEST_F(chat_routes, a_synchronous_post_gives_up_waiting_but_not_the_answer) {
  api_options options;
  options.sync_wait = milliseconds(1);
  set_options(options);
  const auto posted = object(post("/chat/messages?background=false", R"({"content":"Why?"})"), 202);
  EXPECT_EQ(object(get("/tasks/" + text(posted, "task_id"))).at("state"), "queued");
}

// Whoever gets an error asks again, and has two answers.
TEST_F(chat_routes, a_synchronous_post_whose_task_cannot_be_read_is_accepted_all_the_same) {
  unreadable_database database(*database_);
  database.refuses = true;
  store::task_queue queue(database, bells_, {});
  engine::answers answers(conversations_, queue, *log_, endings_, bells_);
  const dependencies on{conversations_, submissions_, queue_,     operations_, *log_,   endings_,
                        answers,        bells_,       readiness_, insight_,    models_, door_};
  api_ = make_api(on, {});
  const auto waiting =
      send(http::method::post, "/chat/messages?background=false", R"({"content":"Why?"})", {});
  const auto posted = object(waiting->reply(), 202);
  waiting->wait_until_gone();
  set_options({});
  EXPECT_EQ(object(get("/tasks/" + text(posted, "task_id"))).at("state"), "queued");
}

TEST_F(chat_routes, a_synchronous_post_whose_answer_cannot_be_read_is_accepted_all_the_same) {
  unreadable_database database(*database_);
  store::conversations conversations(database, bells_);
  const dependencies on{conversations, submissions_, queue_,     operations_, *log_,   endings_,
                        answers_,      bells_,       readiness_, insight_,    models_, door_};
  api_ = make_api(on, {});
  const auto waiting =
      send(http::method::post, "/chat/messages?background=false", R"({"content":"Why?"})", {});
  const auto deadline = std::chrono::steady_clock::now() + test_patience;
  while (object(get("/active-streams")).at("data").as_array().empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  auto answer = begin_answer();
  append_text(answer, "So.");
  database.refuses = true;
  finish(answer);
  const auto posted = object(waiting->reply(), 202);
  waiting->wait_until_gone();
  set_options({});
  EXPECT_EQ(object(get(status_of(posted))).at("content"), "So.");
}

TEST_F(chat_routes, posts_of_a_principal_are_counted_by_the_minute) {
  api_options options;
  options.posts_per_minute_max = 2;
  set_options(options);
  EXPECT_EQ(post("/chat/messages", R"({"content":"")").status, 400);  // not counted
  EXPECT_EQ(post("/chat/messages", R"({"content":"one"})").status, 202);
  EXPECT_EQ(post("/chat/messages", R"({"content":"two"})").status, 202);
  const auto refused = post("/chat/messages", R"({"content":"three"})");
  EXPECT_EQ(object(refused, 429).at("code"), "too_many_requests");
  const auto wait = std::stoi(std::string(refused.headers.find("Retry-After").value_or("0")));
  EXPECT_GE(wait, 1);
  EXPECT_LE(wait, 30);
}

TEST_F(chat_routes, active_streams_name_their_session) {
  const auto posted = ask_chat();
  const auto active = object(get("/chat/active-streams"));
  EXPECT_EQ(active.at("data").at(0).at("session_id"), posted.at("session_id"));
  EXPECT_FALSE(object(get("/active-streams")).at("data").at(0).as_object().contains("session_id"));
}

// --- joining -------------------------------------------------------------------------------------

stream::chunk_run run_of(std::shared_ptr<std::string> frames) {
  return {frames, *frames, 0, 1};
}

TEST(text_joiner, joins_content_and_begins_again_with_a_new_attempt) {
  const auto frames = std::make_shared<std::string>();
  stream::encode_chunk_frame(*frames, {1, 0}, {stream::chunk_type::reasoning, "hm", ""});
  stream::encode_chunk_frame(*frames, {1, 1}, {stream::chunk_type::content, "a\"\n\n", ""});
  text_joiner joiner;
  joiner.add(run_of(frames));
  EXPECT_EQ(joiner.at(), (stream::position{1, 1}));
  const auto more = std::make_shared<std::string>();
  stream::encode_chunk_frame(*more, {2, 0}, {stream::chunk_type::reset, "", ",\"attempt\":2"});
  stream::encode_chunk_frame(*more, {2, 1}, {stream::chunk_type::content, "b\"\n\n", ""});
  joiner.add(run_of(more));
  const auto joined = joiner.take();
  EXPECT_EQ(joined.content, "b\"\n\n");
  EXPECT_EQ(joined.chunk_count, 2);
}

}  // namespace
}  // namespace throughline::api
