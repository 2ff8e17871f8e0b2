// Posting and what becomes of it: messages, keys, tasks.
#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

class task_routes : public api_test {};

TEST_F(task_routes, a_post_is_answered_with_where_the_answer_will_be) {
  const auto posted = new_question();
  EXPECT_EQ(posted.size(), 5U);
  EXPECT_EQ(posted.at("status"), "processing");
  EXPECT_EQ(text(posted, "stream_url"), "/stream/" + text(posted, "task_id"));
}

TEST_F(task_routes, a_queue_must_be_configured) {
  const auto target = "/conversations/" + new_conversation() + "/messages";
  EXPECT_EQ(post(target, R"({"content":"a","queue":"email"})").status, 202);
  const auto refused = object(post(target, R"({"content":"a","queue":"urgent"})"), 422);
  EXPECT_NE(text(refused, "detail").find("marketing"), std::string::npos);
  const auto unserved = object(post(target, R"({"content":"a","model":"model-z"})"), 422);
  EXPECT_NE(text(unserved, "detail").find("model-b"), std::string::npos);
}

TEST_F(task_routes, one_key_starts_one_answer) {
  const auto target = "/conversations/" + new_conversation() + "/messages";
  const header_list key{{"Idempotency-Key", "k-1"}};
  const auto first = object(post(target, R"({"content":"a"})", key), 202);
  EXPECT_EQ(object(post(target, R"({"content":"a"})", key), 202), first);
  const auto other = object(post(target, R"({"content":"b"})", key), 422);
  EXPECT_EQ(other.at("code"), "idempotency_key_reused");
  EXPECT_EQ(object(get("/active-streams")).at("data").as_array().size(), 1U);
}

TEST_F(task_routes, a_task_shows_how_far_it_has_come) {
  const auto target = "/tasks/" + text(new_question(), "task_id");
  const auto queued = object(get(target));
  EXPECT_EQ(queued.at("state"), "queued");
  EXPECT_EQ(queued.at("position"), "");
  EXPECT_EQ(queued.at("chunk_count"), 0);
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  const auto running = object(get(target));
  EXPECT_EQ(running.at("state"), "running");
  EXPECT_EQ(running.at("position"), "1-1");
  EXPECT_EQ(running.at("chunk_count"), 2);
  const auto active = object(get("/active-streams"));
  EXPECT_EQ(active.at("data").at(0).at("position"), "1-1");
  finish(answer);
  const auto ended = object(get(target));
  EXPECT_EQ(ended.at("state"), "succeeded");
  EXPECT_EQ(ended.at("position"), "1-2");
  EXPECT_EQ(ended.at("chunk_count"), 3);
  EXPECT_TRUE(object(get("/active-streams")).at("data").as_array().empty());
}

TEST_F(task_routes, an_ended_task_keeps_its_position_when_the_log_is_gone) {
  const auto posted = new_question();
  auto answer = begin_answer();
  append_text(answer, "Hello");
  finish(answer);
  run(log_->remove(answer.held.task));
  EXPECT_EQ(object(get("/tasks/" + text(posted, "task_id"))).at("position"), "1-1");
}

TEST_F(task_routes, a_queued_task_is_cancelled_at_once_and_stays_so) {
  const auto target = "/tasks/" + text(new_question(), "task_id");
  EXPECT_EQ(object(post(target + "/cancel"), 200).at("state"), "cancelled");
  EXPECT_EQ(object(post(target + "/cancel"), 200).at("state"), "cancelled");
}

TEST_F(task_routes, a_task_that_has_ended_cannot_be_cancelled_any_more) {
  const auto posted = new_question();
  auto answer = begin_answer();
  finish(answer);
  const auto task = object(post("/tasks/" + text(posted, "task_id") + "/cancel"), 200);
  EXPECT_EQ(task.at("state"), "succeeded");
}

TEST_F(task_routes, a_cancel_that_takes_long_is_accepted) {
  const auto target = "/tasks/" + text(new_question(), "task_id");
  const auto answer = begin_answer();
  EXPECT_EQ(object(post(target + "/cancel"), 202).at("state"), "cancelling");
  EXPECT_EQ(object(get(target)).at("state"), "cancelling");
}

TEST_F(task_routes, a_cancel_waits_for_the_worker) {
  const auto target = "/tasks/" + text(new_question(), "task_id");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  const auto requested = std::make_shared<std::promise<void>>();
  bells_.on_cancel([requested](task_id) { requested->set_value(); });
  const auto reply = send(http::method::post, target + "/cancel", "", {});
  ASSERT_EQ(requested->get_future().wait_for(test_patience), std::future_status::ready);
  finish(answer, store::task_state::cancelled);
  EXPECT_EQ(object(reply->reply(), 200).at("state"), "cancelled");
  bells_.on_cancel({});
}

TEST_F(task_routes, only_what_failed_or_was_cancelled_is_retried) {
  const auto target = "/tasks/" + text(new_question(), "task_id");
  EXPECT_EQ(object(post(target + "/retry"), 409).at("code"), "conflict");
  auto answer = begin_answer();
  finish(answer, store::task_state::failed);
  const auto task = object(get(target));
  EXPECT_EQ(task.at("state"), "failed");
  EXPECT_EQ(task.at("status"), "error");
  const auto again = object(post(target + "/retry"), 202);
  EXPECT_NE(text(again, "task_id"), answer.held.task.to_string());
}

TEST_F(task_routes, edits_and_regenerated_answers_are_branches) {
  const auto posted = new_question();
  auto answer = begin_answer();
  finish(answer);
  const auto other = object(
      post("/messages/" + text(posted, "message_id") + "/regenerate", R"({"model":"model-b"})"),
      202);
  EXPECT_EQ(other.at("user_message_id"), posted.at("user_message_id"));
  const auto edited = object(
      post("/messages/" + text(posted, "user_message_id") + "/edit", R"({"content":"How?"})"), 202);
  EXPECT_NE(edited.at("user_message_id"), posted.at("user_message_id"));
  EXPECT_EQ(post("/messages/" + text(posted, "message_id") + "/edit", R"({"content":"x"})").status,
            422);
  EXPECT_EQ(post("/messages/" + text(posted, "user_message_id") + "/regenerate").status, 422);
  EXPECT_EQ(post("/messages/" + uuid::generate().to_string() + "/regenerate").status, 404);
}

TEST_F(task_routes, nobodys_task_is_404_everywhere) {
  const auto id = uuid::generate().to_string();
  EXPECT_EQ(get("/tasks/" + id).status, 404);
  EXPECT_EQ(post("/tasks/" + id + "/cancel").status, 404);
  EXPECT_EQ(post("/tasks/" + id + "/retry").status, 404);
  EXPECT_EQ(get("/stream/" + id).status, 404);
  EXPECT_EQ(get("/stream/7").status, 404);
}

}  // namespace
}  // namespace throughline::api
