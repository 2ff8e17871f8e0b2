#include "api/sse.hpp"

#include <gtest/gtest.h>

#include "api/stream_tickets.hpp"

namespace throughline::api {
namespace {

struct fixed_random final : random_source {
  explicit fixed_random(double always) : value(always) {}
  double uniform() override { return value; }
  double value;
};

stream::frame_view only_frame(const std::string& text) {
  std::string_view frames = text;
  const auto frame = stream::take_frame(frames);
  EXPECT_TRUE(frames.empty());
  return frame;
}

TEST(sse, a_stream_is_neither_cached_nor_buffered) {
  const auto head = sse_head();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.find("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(head.headers.find("Cache-Control"), "no-cache, no-transform");
  EXPECT_EQ(head.headers.find("X-Accel-Buffering"), "no");
}

TEST(sse, goodbyes_are_spread_over_seconds) {
  fixed_random low(0.0);
  fixed_random high(0.999999);
  EXPECT_EQ(sse_goodbye(low), "retry: 1000\n\n");
  EXPECT_EQ(sse_goodbye(high), "retry: 4999\n\n");
}

TEST(sse, a_frame_of_chat_names_its_task) {
  std::string frame;
  stream::encode_chunk_frame(frame, {1, 42}, {stream::chunk_type::content, "Hel", ""});
  std::string out;
  append_task_frame(out, "TASK", only_frame(frame));
  EXPECT_EQ(out,
            "id: TASK:1-42\n"
            "data: {\"chunk_index\":42,\"chunk_type\":\"content\",\"content\":\"Hel\"}\n\n");
}

TEST(sse, a_frame_without_an_id_stays_without_one) {
  std::string frame;
  stream::encode_unlogged_frame(frame, 0, {stream::chunk_type::content, "x", ""});
  std::string out;
  append_task_frame(out, "TASK", only_frame(frame));
  EXPECT_EQ(out, frame);
  EXPECT_EQ(out.find("id:"), std::string::npos);
}

TEST(sse, a_reset_outside_the_log_names_its_task_too) {
  std::string frame;
  stream::encode_unlogged_frame(frame, -1, {stream::chunk_type::reset, "", ""});
  std::string out;
  append_task_frame(out, "TASK", only_frame(frame));
  EXPECT_TRUE(out.starts_with("id: TASK:0-0\ndata: {\"chunk_index\":-1,")) << out;
}

TEST(sse, an_event_carries_the_stored_chunk_as_it_is) {
  std::string frame;
  stream::encode_chunk_frame(frame, {3, 0}, {stream::chunk_type::content, "a\n\nb", ""});
  std::string out;
  append_chunk_event(out, "TASK", only_frame(frame));
  EXPECT_EQ(out,
            "event: chunk\ndata: {\"task_id\":\"TASK\",\"attempt\":3,\"chunk\":"
            "{\"chunk_index\":0,\"chunk_type\":\"content\",\"content\":\"a\\n\\nb\"}}\n\n");
}

TEST(sse, an_event_of_a_chunk_outside_the_log_has_no_attempt) {
  std::string frame;
  stream::encode_unlogged_frame(frame, 0, {stream::chunk_type::content, "x", ""});
  std::string out;
  append_chunk_event(out, "TASK", only_frame(frame));
  EXPECT_NE(out.find("\"attempt\":null,"), std::string::npos);
  std::string reset;
  stream::encode_unlogged_frame(reset, -1, {stream::chunk_type::reset, "", ""});
  out.clear();
  append_chunk_event(out, "TASK", only_frame(reset));
  EXPECT_NE(out.find("\"attempt\":null,"), std::string::npos);
  EXPECT_EQ(out.find("id:"), std::string::npos) << "ids of /events are revs";
}

TEST(sse, a_change_has_its_rev_as_id) {
  std::string out;
  append_change_event(out, 17, "{}");
  EXPECT_EQ(out, "event: change\nid: 17\ndata: {}\n\n");
}

TEST(stream_tickets, are_counted_by_owner_and_given_back) {
  stream_tickets tickets(2);
  auto first = tickets.take("ada");
  {
    auto second = tickets.take("ada");
    ASSERT_TRUE(first && second);
    const auto third = tickets.take("ada");
    ASSERT_TRUE(third.has_error());
    EXPECT_EQ(third.error().code, errc::too_many_requests);
    EXPECT_TRUE(tickets.take("bob"));
    EXPECT_EQ(tickets.open("ada"), 2U);
  }
  EXPECT_EQ(tickets.open("ada"), 1U);
  EXPECT_EQ(tickets.open("bob"), 0U);
  EXPECT_TRUE(tickets.take("ada"));
}

}  // namespace
}  // namespace throughline::api
