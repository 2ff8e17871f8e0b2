#include "provider/anthropic_events.hpp"

#include <gtest/gtest.h>

#include "provider/parser_fixture.hpp"

namespace throughline::provider {
namespace {

std::string parse(std::string_view stream) {
  return testing::parse<anthropic_events>(stream);
}

std::string send(std::string_view type, std::string_view members = "") {
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" +
         (members.empty() ? "" : ",") + std::string(members) + "}\n\n";
}
std::string delta(std::string_view members) {
  return send("content_block_delta", R"("index":0,"delta":{)" + std::string(members) + "}");
}
std::string text(std::string_view words) {
  return delta(R"("type":"text_delta","text":")" + std::string(words) + "\"");
}
std::string stop_reason(std::string_view reason) {
  return send("message_delta", R"("delta":{"stop_reason":")" + std::string(reason) +
                                   R"(","stop_sequence":null},"usage":{"output_tokens":9})");
}
const std::string start = send(
    "message_start",
    R"("message":{"id":"m","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}})");
const std::string block =
    send("content_block_start", R"("index":0,"content_block":{"type":"text","text":""})");
const std::string stop =
    send("content_block_stop", R"("index":0)") + stop_reason("end_turn") + send("message_stop");

TEST(anthropic_events, reads_an_answer) {
  EXPECT_EQ(parse(start + block + send("ping") + text("Hel") + text("lo") + stop),
            "usage(5,1) text(Hel) text(lo) usage(5,9) finished(stop)");
}

TEST(anthropic_events, reads_thinking_and_skips_what_is_not_text) {
  EXPECT_EQ(parse(start + delta(R"("type":"thinking_delta","thinking":"why")") +
                  delta(R"("type":"signature_delta","signature":"c2ln")") +
                  delta(R"("type":"input_json_delta","partial_json":"{\"a\"")") +
                  delta(R"("type":"citations_delta","citation":{"text":"x"})") +
                  send("content_block_start",
                       R"("index":1,"content_block":{"type":"tool_use","id":"t","input":{}})") +
                  text("so") + stop),
            "usage(5,1) think(why) text(so) usage(5,9) finished(stop)");
}

TEST(anthropic_events, a_block_may_begin_with_text) {
  EXPECT_EQ(parse(send("content_block_start", R"("content_block":{"type":"text","text":"a"})") +
                  text("b") + stop),
            "text(a) text(b) usage(0,9) finished(stop)");
}

TEST(anthropic_events, translates_stop_reasons) {
  for (const auto& [sent, meant] :
       std::initializer_list<std::pair<const char*, const char*>>{{"end_turn", "stop"},
                                                                  {"stop_sequence", "stop"},
                                                                  {"max_tokens", "length"},
                                                                  {"tool_use", "tool_calls"},
                                                                  {"refusal", "content_filter"}}) {
    EXPECT_EQ(parse(stop_reason(sent) + send("message_stop")),
              "usage(0,9) finished(" + std::string(meant) + ")");
  }
}

TEST(anthropic_events, needs_a_stop_reason_and_a_message_stop) {
  EXPECT_EQ(parse(text("a") + send("message_stop")), "text(a) failed(provider_truncated)");
  EXPECT_EQ(parse(text("a") + stop_reason("end_turn")),
            "text(a) usage(0,9) failed(provider_truncated)");
  EXPECT_EQ(parse(text("a") + send("message_delta", R"("delta":{"stop_reason":null})") +
                  send("message_stop")),
            "text(a) failed(provider_truncated)");
  EXPECT_EQ(parse(start), "usage(5,1) failed(provider_truncated)");
}

TEST(anthropic_events, ignores_what_follows_message_stop) {
  EXPECT_EQ(parse(text("a") + stop + text("b") + start + stop),
            "text(a) usage(0,9) finished(stop)");
}

TEST(anthropic_events, counts_usage_cumulatively_with_the_cache) {
  EXPECT_EQ(
      parse(
          send(
              "message_start",
              R"("message":{"usage":{"input_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":1}})") +
          stop),
      "usage(125,1) usage(125,9) finished(stop)");
}

TEST(anthropic_events, makes_nothing_of_counts_that_are_too_large_to_be_added) {
  EXPECT_EQ(
      parse(
          R"(data: {"type":"message_start","message":{"usage":{"input_tokens":9223372036854775807,)"
          R"("cache_read_input_tokens":9223372036854775807,"output_tokens":1}}})"
          "\n\n"),
      "usage(0,1) failed(provider_truncated)");
}

TEST(anthropic_events, reports_errors) {
  const auto error = [](std::string_view type) {
    return send("error", R"("error":{"type":")" + std::string(type) + R"(","message":"m"})");
  };
  EXPECT_EQ(parse(text("a") + error("overloaded_error") + stop),
            "text(a) failed(provider_unavailable)");
  EXPECT_EQ(parse(error("rate_limit_error")), "failed(provider_rate_limited)");
  EXPECT_EQ(parse(error("api_error")), "failed(provider_error)");
  EXPECT_EQ(parse(error("invalid_request_error")), "failed(provider_refused)");
  EXPECT_EQ(parse(error("authentication_error")), "failed(provider_unauthorized)");
}

TEST(anthropic_events, takes_the_type_from_either_place) {
  EXPECT_EQ(parse("event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\","
                  "\"text\":\"a\"}}\n\n"
                  "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\","
                  "\"text\":\"b\"}}\n\n" +
                  stop),
            "text(a) text(b) usage(0,9) finished(stop)");
}

TEST(anthropic_events, survives_every_shape_of_event) {
  EXPECT_EQ(parse(send("content_block_delta") + send("message_delta", R"("delta":null)") +
                  send("unheard_of", R"("x":[1])") + send("message_start", R"("message":3)") +
                  send("content_block_delta", R"("delta":{"type":"text_delta","text":null})") +
                  text("a") + stop),
            "text(a) usage(0,9) finished(stop)");
  EXPECT_EQ(parse("event: ping\ndata: nonsense\n\n"), "failed(provider_bad_response)");
}

TEST(anthropic_events, accepts_an_answer_that_was_not_streamed) {
  anthropic_events parser;
  event_batch events;
  parser.take_whole(
      R"({"type":"message","content":[{"type":"thinking","thinking":"w"},{"type":"text","text":"a"}],
          "stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}})",
      events);
  EXPECT_EQ(testing::outcome(parser, events), "think(w) text(a) usage(1,2) finished(stop)");
}

}  // namespace
}  // namespace throughline::provider
