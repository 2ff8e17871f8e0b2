#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

class admin_routes : public api_test {
 protected:
  /// A worker of this name, that does nothing.
  worker_id add_worker(std::vector<std::string> queues) {
    store::worker_report about;
    about.host = "machine-1";
    about.process = 4711;
    about.version = "1.2.3";
    about.queues = std::move(queues);
    about.concurrency = 10;
    about.started_at = from_unix_ms(1'700'000'000'000);
    about.running = 2;
    const auto id = worker_id::generate();
    EXPECT_TRUE(run(queue_.heartbeat(id, seconds(60), about)).has_value());
    return id;
  }
  json::object first_of(const json::object& page) {
    const auto& data = page.at("data").as_array();
    if (data.empty()) throw std::runtime_error("there is nothing");
    return data.front().as_object();
  }
  json::object queue_named(const char* name) {
    const auto page = object(get("/admin/queues"));
    for (const auto& one : page.at("data").as_array()) {
      if (one.at("name") == name) return one.as_object();
    }
    throw std::runtime_error("there is no such queue");
  }
};

TEST_F(admin_routes, a_worker_is_shown_and_can_be_drained) {
  const auto id = add_worker({"default", "chat"}).to_string();
  auto page = object(get("/admin/workers?limit=1"));
  EXPECT_TRUE(page.at("next_cursor").is_string()) << "there is the fixture's too";
  auto shown = first_of(page);
  EXPECT_EQ(text(shown, "id"), id);
  EXPECT_EQ(shown.at("state"), "alive");
  EXPECT_EQ(shown.at("host"), "machine-1");
  EXPECT_EQ(shown.at("process_id"), 4711);
  EXPECT_EQ(shown.at("version"), "1.2.3");
  EXPECT_EQ(json::serialize(shown.at("queues")), R"(["default","chat"])");
  EXPECT_EQ(shown.at("concurrency"), 10);
  EXPECT_EQ(shown.at("running"), 2);
  EXPECT_EQ(shown.at("started_at"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(object(post("/admin/workers/" + id + "/drain")).at("state"), "draining");
  EXPECT_EQ(first_of(object(get("/admin/workers"))).at("state"), "draining");
  EXPECT_EQ(post("/admin/workers/" + uuid::generate().to_string() + "/drain").status, 404);
  EXPECT_EQ(post("/admin/workers/7/drain").status, 404);
  page = object(get("/admin/workers?limit=1&cursor=" + text(page, "next_cursor")));
  EXPECT_TRUE(page.at("next_cursor").is_null());
  EXPECT_EQ(get("/admin/workers?cursor=what").status, 400);
}

TEST_F(admin_routes, a_queue_is_paused_and_resumed) {
  new_question();
  EXPECT_EQ(queue_named("default").at("paused"), false);
  EXPECT_EQ(queue_named("default").at("tasks").at("ready"), 1);
  EXPECT_TRUE(queue_named("default").at("oldest_ms").is_int64());
  EXPECT_TRUE(queue_named("marketing").at("oldest_ms").is_null());
  const auto paused = object(post("/admin/queues/default/pause"));
  EXPECT_EQ(paused.at("paused"), true);
  EXPECT_EQ(paused.at("name"), "default");
  EXPECT_EQ(run(queue_.claim(worker_, {"default"}, 10))->size(), 0U);
  EXPECT_EQ(queue_named("default").at("paused"), true);
  EXPECT_EQ(object(post("/admin/queues/default/resume")).at("paused"), false);
  EXPECT_EQ(run(queue_.claim(worker_, {"default"}, 10))->size(), 1U);
  EXPECT_EQ(object(post("/admin/queues/nowhere/pause"), 404).at("code"), "not_found");
  EXPECT_EQ(post("/admin/queues/default/pause", R"({"why":"x"})").status, 400);
}

TEST_F(admin_routes, what_waits_is_shown_beside_who_serves_it) {
  new_question();
  EXPECT_EQ(queue_named("default").at("workers"), 0);
  auto counted = object(get("/admin/stats"));
  EXPECT_EQ(counted.at("tasks").at("unserved"), 1);
  add_worker({"default"});
  EXPECT_EQ(queue_named("default").at("workers"), 1);
  auto answer = begin_answer();
  counted = object(get("/admin/stats"));
  EXPECT_EQ(counted.at("tasks").at("unserved"), 0);
  EXPECT_EQ(counted.at("tasks").at("open").at("running"), 1);
  EXPECT_EQ(counted.at("workers").at("alive"), 2);
  EXPECT_EQ(counted.at("workers").at("running"), 2);
  finish(answer, store::task_state::failed);
  counted = object(get("/admin/stats"));
  EXPECT_EQ(counted.at("tasks").at("failed").at("minute"), 1);
  EXPECT_EQ(counted.at("tasks").at("succeeded").at("day"), 0);
  EXPECT_EQ(counted.at("tasks").at("complete"), true);
}

TEST_F(admin_routes, the_tasks_of_all_owners_are_shown_stopped_and_tried_again) {
  const auto stranger = run(submissions_.post("somebody", std::nullopt, "Why?", std::nullopt, {}));
  ASSERT_TRUE(stranger.has_value());
  const auto id = stranger->task.to_string();
  EXPECT_EQ(get("/tasks/" + id).status, 404);
  auto answer = begin_answer();
  auto active = first_of(object(get("/admin/active")));
  EXPECT_EQ(text(active, "task_id"), id);
  EXPECT_EQ(active.at("owner"), "somebody");
  EXPECT_EQ(active.at("state"), "running");
  EXPECT_EQ(text(active, "worker_id"), worker_.to_string());
  EXPECT_TRUE(active.at("attempt_started_at").is_string());
  finish(answer, store::task_state::failed);
  const auto failed = first_of(object(get("/admin/failed")));
  EXPECT_EQ(text(failed, "task_id"), id);
  EXPECT_TRUE(failed.at("last_error").is_object());
  const auto whole = object(get("/admin/tasks/" + id));
  EXPECT_EQ(whole.at("state"), "failed");
  ASSERT_EQ(whole.at("attempts").as_array().size(), 1U);
  const auto& attempt = whole.at("attempts").as_array()[0];
  EXPECT_EQ(attempt.at("attempt"), 1);
  EXPECT_TRUE(attempt.at("error").is_object());
  EXPECT_TRUE(attempt.at("finished_at").is_string());

  const auto again = object(post("/admin/tasks/" + id + "/retry"), 202);
  const auto next = text(again, "task_id");
  EXPECT_NE(next, id);
  EXPECT_EQ(object(post("/admin/tasks/" + next + "/retry"), 409).at("code"), "conflict");
  const auto stopped = object(post("/admin/tasks/" + next + "/cancel"));
  EXPECT_EQ(stopped.at("state"), "cancelled");
  EXPECT_EQ(stopped.at("owner"), "somebody");
  EXPECT_TRUE(stopped.at("attempts").is_array());
}

TEST_F(admin_routes, a_delayed_task_says_when_it_is_due_and_after_what) {
  new_question();
  const auto answer = begin_answer();
  EXPECT_TRUE(object(get("/admin/scheduled")).at("data").as_array().empty());
  const auto requeued =
      run(queue_.requeue(answer.held, std::chrono::hours(1), true,
                         store::answer_error{"provider_timeout", "too slow", true}, std::nullopt));
  ASSERT_TRUE(requeued.has_value());
  const auto shown = first_of(object(get("/admin/scheduled")));
  EXPECT_EQ(shown.at("state"), "queued");
  EXPECT_EQ(shown.at("queue_state"), "delayed");
  EXPECT_TRUE(shown.at("due_at").is_string());
  EXPECT_EQ(shown.at("failures"), 1);
  EXPECT_EQ(shown.at("last_error").at("code"), "provider_timeout");
}

TEST_F(admin_routes, nobodys_task_is_404) {
  for (const auto& id : {uuid::generate().to_string(), std::string("7")}) {
    EXPECT_EQ(get("/admin/tasks/" + id).status, 404);
    EXPECT_EQ(post("/admin/tasks/" + id + "/cancel").status, 404);
    EXPECT_EQ(post("/admin/tasks/" + id + "/retry").status, 404);
  }
}

}  // namespace
}  // namespace throughline::api
