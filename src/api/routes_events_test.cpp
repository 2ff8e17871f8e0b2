#include <set>

#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

/// One event as a client reads it.
struct seen_event {
  std::string name;
  std::string id;
  json::object data;
};

std::vector<seen_event> events_in(std::string_view text) {
  std::vector<seen_event> events;
  while (!text.empty()) {
    const auto end = text.find("\n\n");
    auto block = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    seen_event event;
    while (!block.empty()) {
      const auto line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(block.size(), line.size() + 1));
      if (line.starts_with("event: ")) event.name = line.substr(7);
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("data: ")) {
        event.data = json::parse(json::string_view(line.data() + 6, line.size() - 6)).as_object();
      }
    }
    if (!event.data.empty()) events.push_back(std::move(event));
  }
  return events;
}

class event_routes : public api_test {
 protected:
  /// What a client that applies chunks has of a task.
  static std::string text_of(const std::string& task, const std::string& received) {
    std::string joined;
    for (const auto& event : events_in(received)) {
      if (event.name != "chunk" || event.data.at("task_id").as_string() != task) continue;
      const auto& chunk = event.data.at("chunk").as_object();
      if (chunk.at("chunk_type") == "reset") joined.clear();
      if (chunk.at("chunk_type") == "content") joined += text(chunk, "content");
    }
    return joined;
  }
  static std::string last_rev(const std::string& received) {
    std::string rev;
    for (const auto& event : events_in(received)) {
      if (event.name == "change") rev = event.id;
    }
    return rev;
  }
  static std::string chunk_event(const std::string& task, const std::string& piece) {
    return R"(data: {"task_id":")" + task + R"(","attempt":1,"chunk":{"chunk_index":)" + piece;
  }
};

TEST_F(event_routes, a_client_without_a_rev_gets_a_snapshot) {
  const auto posted = new_question();
  const auto stream = open("/events");
  const auto events = events_in(stream->wait_for("event: change"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].data.at("conversations").as_array().size(), 1U);
  EXPECT_EQ(events[0].data.at("tasks").at(0).at("task_id"), posted.at("task_id"));
  EXPECT_FALSE(events[0].id.empty());
  EXPECT_EQ(stream->head().headers.find("Content-Type"), "text/event-stream; charset=utf-8");
}

TEST_F(event_routes, chunks_of_all_tasks_come_over_one_connection) {
  const auto first = text(new_question(), "task_id");
  const auto stream = open("/events");
  stream->wait_for("event: change");
  auto one = begin_answer();
  append_text(one, "Hel");
  const auto second = text(new_question(), "task_id");
  auto two = begin_answer();
  append_text(two, "So");
  append_text(one, "lo");
  finish(one);
  finish(two);
  stream->wait_for(chunk_event(first, "2,\"chunk_type\":\"done\""));
  const auto received = stream->wait_for(chunk_event(second, "1,\"chunk_type\":\"done\""));
  EXPECT_EQ(text_of(first, received), "Hello");
  EXPECT_EQ(text_of(second, received), "So");
}

TEST_F(event_routes, the_finished_message_comes_as_a_change) {
  const auto stream = open("/events");
  stream->wait_for("event: change");
  new_question();
  auto answer = begin_answer();
  append_text(answer, "Hello");
  finish(answer);
  const auto received =
      stream->wait_for(R"("content":"Hello","reasoning":"","status":"completed")");
  std::int64_t before = -1;
  for (const auto& event : events_in(received)) {
    if (event.name != "change") continue;
    EXPECT_GT(std::stoll(event.id), before);
    before = std::stoll(event.id);
  }
}

TEST_F(event_routes, who_comes_back_gets_what_happened_meanwhile) {
  const auto away = open("/events");
  const auto rev = last_rev(away->wait_for("event: change"));
  away->hang_up();
  away->wait_until_gone();
  new_question();
  auto answer = begin_answer();
  append_text(answer, "Hello");
  finish(answer);
  const auto back = open("/events?since=" + rev);
  const auto received = back->wait_for("\"status\":\"completed\"");
  EXPECT_EQ(text_of(answer.held.task.to_string(), received), "") << "it is in the message";
  const auto header = open("/events?since=999999", {{"Last-Event-ID", rev}});
  header->wait_for("\"status\":\"completed\"");
}

TEST_F(event_routes, a_rev_from_the_future_or_of_no_kind_gets_a_snapshot) {
  const auto id = new_conversation();
  for (const char* since : {"999999", "what", "-1", ""}) {
    const auto stream = open(std::string("/events?since=") + since);
    const auto events = events_in(stream->wait_for("event: change"));
    EXPECT_EQ(events.front().data.at("conversations").at(0).at("id").as_string(), id) << since;
  }
}

TEST_F(event_routes, cursors_say_what_the_client_has) {
  const auto running = text(new_question(), "task_id");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  const auto rev = last_rev(open("/events")->wait_for("event: change"));
  const auto stream = open("/events?since=" + rev + "&cursors=" + running + ":1-0," +
                           uuid::generate().to_string() + ":1-7");
  const auto received = stream->wait_for(chunk_event(running, "1,"));
  EXPECT_EQ(received.find(chunk_event(running, "0,")), std::string::npos);
  append_text(answer, "!");
  EXPECT_EQ(text_of(running, stream->wait_for(chunk_event(running, "2,"))), "lo!");
  EXPECT_EQ(get("/events?cursors=what").status, 400);
}

TEST_F(event_routes, a_cursor_of_an_ended_task_gets_the_rest) {
  const auto task = text(new_question(), "task_id");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  finish(answer);
  const auto rev = last_rev(open("/events")->wait_for("event: change"));
  const auto stream = open("/events?since=" + rev + "&cursors=" + task + ":1-0");
  const auto received = stream->wait_for("\"chunk_type\":\"done\"");
  EXPECT_EQ(text_of(task, received), "lo");
}

TEST_F(event_routes, a_position_that_a_reset_has_voided_gets_a_reset_and_everything) {
  const auto task = text(new_question(), "task_id");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  finish(answer);
  const auto rev = last_rev(open("/events")->wait_for("event: change"));
  const auto stream = open("/events?since=" + rev + "&cursors=" + task + ":0-0");
  const auto received = stream->wait_for("\"chunk_type\":\"done\"");
  EXPECT_NE(received.find(R"("attempt":null,"chunk":{"chunk_index":-1,"chunk_type":"reset")"),
            std::string::npos)
      << received;
  EXPECT_EQ(text_of(task, received), "Hello");
}

TEST_F(event_routes, what_is_deleted_says_so) {
  const auto id = new_conversation();
  const auto stream = open("/events");
  stream->wait_for("event: change");
  EXPECT_EQ(ask(http::method::delete_, "/conversations/" + id).status, 204);
  stream->wait_for(R"({"id":")" + id + R"(","deleted":true})");
}

TEST_F(event_routes, a_slow_client_misses_nothing) {
  const auto task = text(new_question(), "task_id");
  const auto stream = open("/events");
  stream->wait_for("event: change");
  stream->stop_taking();
  auto answer = begin_answer();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(20'000, static_cast<char>('a' + i % 26));
    append_text(answer, piece);
    expected += piece;
  }
  finish(answer);
  EXPECT_EQ(stream->so_far().find("done"), std::string::npos);
  stream->take_again();
  EXPECT_EQ(text_of(task, stream->wait_for("\"chunk_type\":\"done\"")), expected);
}

TEST_F(event_routes, a_client_that_hangs_up_leaves_nothing_behind) {
  new_question();
  api_options options;
  options.streams_per_principal_max = 1;
  set_options(options);
  const auto stream = open("/events");
  stream->wait_for("event: change");
  EXPECT_EQ(get("/events").status, 429);
  stream->hang_up();
  stream->wait_until_gone();
  open("/events")->wait_for("event: change");
}

TEST_F(event_routes, a_draining_server_ends_the_stream_at_once) {
  const auto stream = open("/events");
  stream->wait_for("event: change");
  stream->drain();
  const auto whole = stream->whole_stream();
  EXPECT_GT(whole.rfind("retry: "), whole.find("event: change"));
}

TEST_F(event_routes, silence_is_filled_with_comments) {
  api_options options;
  options.keep_alive = milliseconds(20);
  set_options(options);
  open("/events")->wait_for(": keep-alive\n\n: keep-alive\n\n");
}

TEST_F(event_routes, changes_come_in_pages_too) {
  new_question();
  new_question();
  std::set<std::string> tasks;
  std::int64_t rev = 0;
  bool more = true;
  while (more) {
    const auto page = object(get("/changes?limit=1&since=" + std::to_string(rev)));
    for (const auto& task : page.at("tasks").as_array()) {
      tasks.insert(text(task.as_object(), "task_id"));
    }
    ASSERT_GT(page.at("rev").as_int64(), rev);
    rev = page.at("rev").as_int64();
    more = page.at("more").as_bool();
  }
  EXPECT_EQ(tasks.size(), 2U);
  EXPECT_TRUE(
      object(get("/changes?since=" + std::to_string(rev))).at("messages").as_array().empty());
  EXPECT_EQ(get("/changes?since=what").status, 400);
}

}  // namespace
}  // namespace throughline::api
