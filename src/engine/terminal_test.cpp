#include "engine/terminal.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace throughline::engine {
namespace {

boost::json::object json_of(const stream::chunk& piece, std::int64_t index) {
  std::string out;
  stream::encode_chunk_json(out, index, piece);
  return boost::json::parse(out).as_object();
}

TEST(terminal, done_says_what_the_message_says) {
  const auto id = message_id::generate();
  store::ending how;
  how.state = store::task_state::succeeded;
  how.finish_reason = "stop";
  how.usage = store::token_usage{10, 5, true};
  how.ttft_ms = 310;
  how.latency_ms = 2500;
  seal(how, id, 97);
  EXPECT_EQ(how.terminal_index, 97U);
  const auto json = json_of(terminal_chunk(how), 97);
  EXPECT_EQ(json.at("chunk_type").as_string(), "done");
  EXPECT_EQ(json.at("status").as_string(), "completed");
  EXPECT_EQ(json.at("finish_reason").as_string(), "stop");
  EXPECT_EQ(json.at("message_id").as_string(), id.to_string());
  EXPECT_EQ(json.at("usage").as_object().at("total_tokens").as_int64(), 15);
  EXPECT_TRUE(json.at("usage").as_object().at("estimated").as_bool());
  EXPECT_EQ(json.at("ttft_ms").as_int64(), 310);
  EXPECT_EQ(json.at("latency_ms").as_int64(), 2500);
}

TEST(terminal, an_error_says_whether_trying_again_makes_sense) {
  store::ending how;
  how.state = store::task_state::failed;
  how.failure = store::answer_error{"provider_timeout", "The model \"took\" too long", true};
  seal(how, message_id::generate(), 3);
  const auto json = json_of(terminal_chunk(how), 3);
  EXPECT_EQ(json.at("chunk_type").as_string(), "error");
  EXPECT_EQ(json.at("content").as_string(), "The model \"took\" too long");
  EXPECT_EQ(json.at("code").as_string(), "provider_timeout");
  EXPECT_TRUE(json.at("retryable").as_bool());
}

TEST(terminal, an_ending_without_generating_is_the_saved_text) {
  const store::saved_text saved{1, "Hel", "thinking"};
  const auto how = make_saved_ending(store::task_state::cancelled, 2, saved, message_id::generate(),
                                     std::nullopt);
  const auto chunks = ending_chunks(2, "worker_lost", how);
  ASSERT_EQ(chunks.size(), 4U);
  EXPECT_EQ(chunks[0].type, stream::chunk_type::reset);
  EXPECT_EQ(chunks[1].content, "thinking");
  EXPECT_EQ(chunks[2].content, "Hel");
  EXPECT_EQ(chunks[3].type, stream::chunk_type::done);
  EXPECT_EQ(how.terminal_index, 3U);
  EXPECT_EQ(how.content, "Hel");

  const auto first =
      make_saved_ending(store::task_state::cancelled, 1, {}, message_id::generate(), std::nullopt);
  EXPECT_EQ(first.terminal_index, 0U);
  EXPECT_EQ(ending_chunks(1, "worker_lost", first).size(), 1U);
}

}  // namespace
}  // namespace throughline::engine
