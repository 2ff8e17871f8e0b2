#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

class stream_routes : public api_test {
 protected:
  stream_routes() : target_("/stream/" + text(new_question(), "task_id")) {}

  static std::string frame(std::uint32_t index, const std::string& piece) {
    std::string out;
    stream::encode_chunk_frame(out, {1, index}, {stream::chunk_type::content, piece, ""});
    return out;
  }
  json::object poll(const std::string& query) {
    return object(get(target_ + query, {{"Accept", "application/json"}}));
  }

  const std::string target_;
};

TEST_F(stream_routes, an_answer_is_followed_from_its_start_to_its_end) {
  const auto stream = open(target_);
  const auto head = stream->head();
  EXPECT_EQ(head.headers.find("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(head.headers.find("Cache-Control"), "no-cache, no-transform");
  stream->wait_for("retry: 1000\n\n");
  auto answer = begin_answer();
  append_text(answer, "Hel");
  stream->wait_for(frame(0, "Hel"));
  append_text(answer, "lo");
  finish(answer);
  const auto whole = stream->whole_stream();
  EXPECT_TRUE(whole.starts_with("retry: 1000\n\n" + frame(0, "Hel") + frame(1, "lo") +
                                "id: 1-2\ndata: {\"chunk_index\":2,\"chunk_type\":\"done\""))
      << whole;
  EXPECT_TRUE(whole.ends_with("}\n\n"));
}

TEST_F(stream_routes, a_reader_gets_what_follows_its_position) {
  auto answer = begin_answer();
  append_text(answer, "a");
  append_text(answer, "b");
  finish(answer);
  const auto resumed = open(target_, {{"Last-Event-ID", "1-0"}})->whole_stream();
  EXPECT_TRUE(resumed.starts_with("retry: 1000\n\n" + frame(1, "b"))) << resumed;
  const auto by_query = open(target_ + "?after=1-0")->whole_stream();
  EXPECT_EQ(by_query, resumed);
  const auto header_wins = open(target_ + "?after=1-0", {{"Last-Event-ID", ""}})->whole_stream();
  EXPECT_TRUE(header_wins.starts_with("retry: 1000\n\n" + frame(0, "a"))) << header_wins;
}

TEST_F(stream_routes, who_has_everything_gets_204_log_or_no_log) {
  auto answer = begin_answer();
  append_text(answer, "a");
  finish(answer);
  EXPECT_EQ(get(target_, {{"Last-Event-ID", "1-1"}}).status, 204);
  run(log_->remove(answer.held.task));
  EXPECT_EQ(get(target_, {{"Last-Event-ID", "1-1"}}).status, 204);
}

TEST_F(stream_routes, a_garbage_position_gets_a_reset_and_everything) {
  auto answer = begin_answer();
  append_text(answer, "a");
  finish(answer);
  const auto whole = open(target_ + "?after=what")->whole_stream();
  const auto reset = whole.find("\"chunk_type\":\"reset\"");
  ASSERT_NE(reset, std::string::npos) << whole;
  EXPECT_NE(whole.find("position_unknown"), std::string::npos);
  EXPECT_LT(reset, whole.find(frame(0, "a")));
  EXPECT_TRUE(whole.starts_with("retry: 1000\n\nid: 0-0\ndata: ")) << whole;
}

TEST_F(stream_routes, an_answer_whose_log_is_gone_comes_from_the_database) {
  auto answer = begin_answer();
  append_text(answer, "Hello");
  finish(answer);
  run(log_->remove(answer.held.task));
  const auto whole = open(target_)->whole_stream();
  EXPECT_NE(whole.find("Hello"), std::string::npos);
  EXPECT_NE(whole.find("id: 1-1\n"), std::string::npos);
}

// The position before a reset would get the rest of a text whose beginning is thrown away.
TEST_F(stream_routes, a_stored_text_that_broke_off_begins_again_though_the_log_is_back) {
  auto answer = begin_answer();
  append_text(answer, "Hel");
  append_text(answer, "lo");
  finish(answer);
  run(log_->remove(answer.held.task));
  const auto stored = open(target_, {{"Last-Event-ID", "1-0"}})->whole_stream();
  EXPECT_TRUE(stored.starts_with("retry: 1000\n\nid: 0-0\ndata: {\"chunk_index\":-1,")) << stored;
  EXPECT_NE(stored.find("}\n\ndata: {\"chunk_index\":0,"), std::string::npos) << stored;

  std::vector<stream::chunk> chunks{{stream::chunk_type::content, "Hel", ""},
                                    {stream::chunk_type::content, "lo", ""},
                                    {stream::chunk_type::done, "", ""}};
  const stream::writer by{answer.held.task, answer.held.attempt, answer.held.worker};
  ASSERT_TRUE(run(log_->append(by, 0, std::move(chunks))));
  const auto resumed = open(target_, {{"Last-Event-ID", "0-0"}})->whole_stream();
  EXPECT_TRUE(resumed.starts_with("retry: 1000\n\nid: 0-0\ndata: {\"chunk_index\":-1,")) << resumed;
  EXPECT_NE(resumed.find(frame(0, "Hel") + frame(1, "lo")), std::string::npos) << resumed;
  const auto page = poll("?after=0-0");
  EXPECT_EQ(page.at("chunks").as_array().size(), 4U);
  EXPECT_EQ(page.at("position"), "1-2");
}

TEST_F(stream_routes, silence_is_filled_with_comments) {
  api_options options;
  options.keep_alive = milliseconds(20);
  set_options(options);
  const auto stream = open(target_);
  stream->wait_for(": keep-alive\n\n: keep-alive\n\n");
  stream->hang_up();
  stream->wait_until_gone();
}

TEST_F(stream_routes, a_draining_server_says_when_to_come_back) {
  const auto stream = open(target_);
  auto answer = begin_answer();
  append_text(answer, "Hel");
  stream->wait_for(frame(0, "Hel"));
  stream->drain();
  const auto whole = stream->whole_stream();
  const auto goodbye = whole.rfind("retry: ");
  EXPECT_GT(goodbye, whole.find(frame(0, "Hel")));
  EXPECT_EQ(whole.find("done"), std::string::npos);
}

TEST_F(stream_routes, streams_of_a_principal_are_bounded_and_given_back) {
  api_options options;
  options.streams_per_principal_max = 1;
  set_options(options);
  const auto first = open(target_);
  first->wait_for("retry: 1000");
  const auto refused = get(target_);
  EXPECT_EQ(object(refused, 429).at("code"), "too_many_requests");
  EXPECT_EQ(refused.headers.find("Retry-After"), "5");
  first->hang_up();
  first->wait_until_gone();
  auto answer = begin_answer();
  finish(answer);
  EXPECT_NE(open(target_)->whole_stream().find("done"), std::string::npos);
}

TEST_F(stream_routes, a_long_poll_takes_a_page_at_a_time) {
  const auto nothing = poll("");
  EXPECT_EQ(nothing, json::parse(R"({"chunks":[],"position":"","ended":false})"));
  auto answer = begin_answer();
  append_text(answer, "a");
  const auto first = poll("");
  EXPECT_EQ(first, json::parse(R"({"chunks":[{"chunk_index":0,"chunk_type":"content",)"
                               R"("content":"a"}],"position":"1-0","ended":false})"));
  append_text(answer, "b");
  finish(answer);
  const auto rest = poll("?after=1-0");
  EXPECT_EQ(rest.at("chunks").as_array().size(), 2U);
  EXPECT_EQ(rest.at("position"), "1-2");
  EXPECT_EQ(rest.at("ended"), true);
  const auto over = poll("?after=1-2");
  EXPECT_EQ(over, json::parse(R"({"chunks":[],"position":"1-2","ended":true})"));
}

TEST_F(stream_routes, a_long_poll_waits_for_the_next_chunk) {
  auto answer = begin_answer();
  const auto reply = open(target_ + "?wait=60", {{"Accept", "application/json"}});
  append_text(answer, "a");
  EXPECT_EQ(object(reply->reply()).at("position"), "1-0");
  EXPECT_EQ(get(target_ + "?wait=61").status, 400);
}

TEST_F(stream_routes, a_long_poll_of_a_stored_answer_is_never_cut) {
  auto answer = begin_answer();
  append_text(answer, std::string(600'000, 'x'));
  append_text(answer, std::string(400'000, 'x'));
  finish(answer);
  run(log_->remove(answer.held.task));
  const auto page = poll("?after=1-0&wait=1");
  EXPECT_EQ(page.at("ended"), true);
  EXPECT_EQ(page.at("position"), "1-2");
  std::size_t size = 0;
  for (const auto& chunk : page.at("chunks").as_array()) {
    if (chunk.at("chunk_type") == "content") size += chunk.at("content").as_string().size();
  }
  EXPECT_EQ(size, 1'000'000U);
  EXPECT_EQ(page.at("chunks").at(0).at("chunk_type"), "reset");
}

TEST_F(stream_routes, a_long_poll_with_a_garbage_position_begins_anew) {
  const auto nothing = poll("?after=what");
  EXPECT_EQ(nothing.at("position"), "what") << "or the reset would be missed";
  auto answer = begin_answer();
  append_text(answer, "a");
  const auto page = poll("?after=what&wait=1");
  EXPECT_EQ(page.at("chunks").at(0).at("chunk_type"), "reset");
}

}  // namespace
}  // namespace throughline::api
