#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

using http::method;

class conversation_routes : public api_test {};

TEST_F(conversation_routes, a_conversation_is_made_read_renamed_and_listed) {
  const auto made = object(post("/conversations", R"({"title":"First","model":"model-b"})"), 201);
  const auto id = text(made, "id");
  EXPECT_EQ(made.at("title"), "First");
  EXPECT_EQ(made.at("model"), "model-b");
  EXPECT_EQ(made.at("message_count"), 0);
  const auto patched = object(ask(method::patch, "/conversations/" + id,
                                  R"({"title":"Second","model":null,"pinned":true})"));
  EXPECT_EQ(patched.at("title"), "Second");
  EXPECT_TRUE(patched.at("model").is_null());
  EXPECT_EQ(patched.at("pinned"), true);
  EXPECT_EQ(object(get("/conversations/" + id)), patched);
  const auto list = object(get("/conversations?limit=1"));
  ASSERT_EQ(list.at("data").as_array().size(), 1U);
  EXPECT_EQ(list.at("data").at(0), patched);
  EXPECT_TRUE(list.at("next_cursor").is_null());
}

TEST_F(conversation_routes, pages_follow_each_other) {
  for (int i = 0; i < 3; ++i) static_cast<void>(new_conversation());
  const auto first = object(get("/conversations?limit=2"));
  ASSERT_EQ(first.at("data").as_array().size(), 2U);
  const auto rest = object(get("/conversations?limit=2&cursor=" + text(first, "next_cursor")));
  EXPECT_EQ(rest.at("data").as_array().size(), 1U);
  EXPECT_TRUE(rest.at("next_cursor").is_null());
  EXPECT_EQ(get("/conversations?cursor=nonsense").status, 400);
}

TEST_F(conversation_routes, a_search_shows_where_it_found_it) {
  const auto id = new_conversation();
  post_message(id, "Where is the Zanzibar ferry?");
  static_cast<void>(new_conversation());
  const auto found = object(get("/conversations?q=zanzibar"));
  ASSERT_EQ(found.at("data").as_array().size(), 1U);
  EXPECT_EQ(found.at("data").at(0).at("id").as_string(), id);
  EXPECT_NE(text(found.at("data").at(0).as_object(), "snippet").find("Zanzibar"),
            std::string::npos);
}

TEST_F(conversation_routes, what_is_deleted_is_gone_until_it_is_restored) {
  const auto id = new_conversation();
  const auto posted = post_message(id);
  EXPECT_EQ(ask(method::delete_, "/conversations/" + id).status, 204);
  EXPECT_EQ(get("/conversations/" + id).status, 404);
  EXPECT_EQ(get("/conversations/" + id + "/messages").status, 404);
  EXPECT_EQ(get("/stream/" + text(posted, "task_id")).status, 404);
  EXPECT_EQ(ask(method::delete_, "/conversations/" + id).status, 404);
  EXPECT_EQ(text(object(post("/conversations/" + id + "/restore")), "id"), id);
  EXPECT_EQ(get("/conversations/" + id).status, 200);
  const auto task = object(get("/tasks/" + text(posted, "task_id")));
  EXPECT_EQ(task.at("state"), "cancelled");
}

TEST_F(conversation_routes, messages_come_in_either_order) {
  const auto id = new_conversation();
  const auto posted = post_message(id, "Why?");
  const auto asc = object(get("/conversations/" + id + "/messages"));
  ASSERT_EQ(asc.at("data").as_array().size(), 2U);
  EXPECT_EQ(asc.at("data").at(0).at("content"), "Why?");
  EXPECT_EQ(asc.at("data").at(0).at("id"), posted.at("user_message_id"));
  EXPECT_EQ(asc.at("data").at(1).at("parent_id"), posted.at("user_message_id"));
  EXPECT_EQ(asc.at("data").at(1).at("status"), "queued");
  const auto desc = object(get("/conversations/" + id + "/messages?order=desc&limit=1"));
  EXPECT_EQ(desc.at("data").at(0), asc.at("data").at(1));
  EXPECT_EQ(get("/conversations/" + id + "/messages?order=up").status, 400);
}

TEST_F(conversation_routes, an_id_that_is_none_is_an_id_that_nobody_has) {
  const auto unknown = "/conversations/" + uuid::generate().to_string();
  const auto missing = object(get(unknown), 404);
  const auto odd = object(get("/conversations/7"), 404);
  EXPECT_EQ(missing.at("code"), "not_found");
  EXPECT_EQ(odd.at("code"), "not_found");
  EXPECT_EQ(ask(method::patch, unknown, "{}").status, 404);
  EXPECT_EQ(ask(method::delete_, unknown).status, 404);
  EXPECT_EQ(post(unknown + "/restore").status, 404);
  EXPECT_EQ(post(unknown + "/messages", R"({"content":"a"})").status, 404);
}

TEST_F(conversation_routes, an_unserved_model_is_refused_by_name) {
  const auto refused = object(post("/conversations", R"({"model":"model-z"})"), 422);
  EXPECT_EQ(refused.at("code"), "unprocessable");
  EXPECT_NE(text(refused, "detail").find("model-a"), std::string::npos);
}

// --- the shell -----------------------------------------------------------------------------------

class shell : public api_test {};

TEST_F(shell, problems_are_problem_json_and_carry_the_request_id) {
  const auto reply = post("/conversations", R"({"colour":"red"})");
  EXPECT_EQ(reply.headers.find("Content-Type"), "application/problem+json");
  const auto problem = object(reply, 400);
  EXPECT_EQ(problem.at("request_id"), "test-request");
  EXPECT_NE(text(problem, "detail").find("colour"), std::string::npos);
}

TEST_F(shell, unknown_parameters_are_refused_by_name) {
  for (const char* target : {"/conversations?colour=red", "/models?colour=red",
                             "/events?colour=red", "/healthz?colour=red"}) {
    EXPECT_NE(text(object(get(target), 400), "detail").find("colour"), std::string::npos) << target;
  }
}

TEST_F(shell, an_unknown_path_is_404_and_a_wrong_method_405_with_allow) {
  EXPECT_EQ(object(get("/nothing"), 404).at("code"), "not_found");
  EXPECT_EQ(get("/api/v2/conversations").status, 404);
  const auto reply = ask(method::put, "/conversations", "{}");
  EXPECT_EQ(object(reply, 405).at("code"), "method_not_allowed");
  const std::string allow(reply.headers.find("Allow").value_or(""));
  EXPECT_NE(allow.find("GET"), std::string::npos);
  EXPECT_NE(allow.find("POST"), std::string::npos);
  EXPECT_EQ(allow.find("DELETE"), std::string::npos);
}

TEST_F(shell, a_body_that_is_not_json_is_415) {
  EXPECT_EQ(post("/conversations", "title=a", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(post("/conversations").status, 201);
}

TEST_F(shell, everything_is_also_under_api_v1) {
  const auto made = object(post("/api/v1/conversations", R"({"title":"a"})"), 201);
  EXPECT_EQ(get("/api/v1/conversations/" + text(made, "id")).status, 200);
  EXPECT_EQ(get("/api/v1/healthz").status, 200);
  EXPECT_EQ(get("/api/v1/chat/active-streams").status, 200);
}

TEST_F(shell, a_foreign_host_does_not_come_in) {
  const auto refused = object(get("/models", {{"Host", "evil.example"}}), 403);
  EXPECT_EQ(refused.at("code"), "forbidden");
}

TEST_F(shell, a_configured_origin_may_call_and_may_read_problems) {
  const header_list origin{{"Origin", std::string(friendly_origin)}};
  for (const char* target : {"/models", "/nothing"}) {
    const auto reply = get(target, origin);
    EXPECT_EQ(reply.headers.find("Access-Control-Allow-Origin"), friendly_origin) << target;
  }
  EXPECT_EQ(post("/conversations", "", origin).status, 201);
  auto asked = origin;
  asked.emplace_back("Access-Control-Request-Method", "PATCH");
  const auto preflight = ask(http::method::options, "/conversations/x", "", asked);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_TRUE(preflight.headers.find("Access-Control-Allow-Methods"));
  EXPECT_EQ(preflight.headers.count("Access-Control-Allow-Origin"), 1U);
  const header_list foreign{{"Origin", "http://evil.example"}};
  EXPECT_EQ(post("/conversations", "", foreign).status, 403);
  EXPECT_FALSE(get("/models", foreign).headers.find("Access-Control-Allow-Origin"));
}

TEST_F(shell, operations_answer) {
  EXPECT_EQ(get("/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/readyz").body,
            R"({"status":"ready","parts":{"database":"ok","event_loops":"ok","storage":"ok"}})");
  readiness_.begin_draining();
  const auto draining = object(get("/readyz"), 503);
  EXPECT_EQ(draining.at("status"), "not_ready");
  EXPECT_EQ(draining.at("reasons").as_array().size(), 1U);
  for (const char* target : {"/healthz", "/api/v1/healthz"}) EXPECT_EQ(get(target).status, 200);
  EXPECT_EQ(object(get("/models"), 503).at("code"), "unavailable");
}

/// The value of a line of /metrics; 0 if there is none.
double metric(const http::response& page, const std::string& line) {
  const auto at = page.body.find("\n" + line + " ");
  return at == std::string::npos ? 0 : std::stod(page.body.substr(at + line.size() + 2));
}

TEST_F(shell, metrics_count_answers_by_route_and_status) {
  const std::string seen = R"(throughline_http_requests_total{method="GET",route="/tasks/{id}",)";
  const std::string times =
      R"(throughline_http_request_seconds_count{method="GET",route="/tasks/{id}"})";
  const auto before = get("/metrics");
  EXPECT_EQ(before.status, 200);
  EXPECT_EQ(before.headers.find("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(get("/tasks/none").status, 404);
  EXPECT_EQ(get("/api/v1/tasks/none").status, 404);
  EXPECT_EQ(get("/tasks/" + text(new_question(), "task_id")).status, 200);
  const auto after = get("/metrics");
  const auto change = [&](const std::string& line) {
    return metric(after, line) - metric(before, line);
  };
  EXPECT_EQ(change(seen + R"(status="4xx"})"), 2);
  EXPECT_EQ(change(seen + R"(status="2xx"})"), 1);
  EXPECT_EQ(change(times), 3);
  EXPECT_EQ(change("throughline_tasks_accepted_total"), 1);
  EXPECT_GT(metric(after, "process_resident_memory_bytes"), 1e6);
  EXPECT_EQ(metric(after, R"(throughline_build_info{version=")" THROUGHLINE_VERSION R"("})"), 1);
}

TEST_F(shell, metrics_are_told_while_the_server_goes_down) {
  readiness_.begin_draining();
  EXPECT_EQ(get("/metrics").status, 200);
}

TEST_F(shell, models_are_listed_with_the_default) {
  const auto models = object(get("/models"));
  ASSERT_EQ(models.at("data").as_array().size(), 2U);
  EXPECT_EQ(models.at("data").at(0),
            json::parse(R"({"id":"model-a","provider":"test","default":true})"));
}

}  // namespace
}  // namespace throughline::api
