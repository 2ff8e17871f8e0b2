#include "provider/openai_events.hpp"

#include <gtest/gtest.h>

#include "provider/parser_fixture.hpp"

namespace throughline::provider {
namespace {

std::string parse(std::string_view stream) {
  return testing::parse<openai_events>(stream);
}

std::string line(std::string_view json) {
  return "data: " + std::string(json) + "\n\n";
}
std::string delta(std::string_view members) {
  return line(R"({"id":"c","choices":[{"index":0,"delta":{)" + std::string(members) +
              R"(},"finish_reason":null}]})");
}
std::string content(std::string_view escaped) {
  return delta(R"("content":")" + std::string(escaped) + "\"");
}
std::string finish(std::string_view reason = "stop") {
  return line(R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + std::string(reason) +
              R"("}]})");
}
const std::string done = "data: [DONE]\n\n";

TEST(openai_events, reads_an_answer) {
  EXPECT_EQ(
      parse(delta(R"("role":"assistant","content":"")") + content("Hel") + content("lo") +
            finish() + line(R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}})") +
            done),
      "text(Hel) text(lo) usage(7,2) finished(stop)");
}

TEST(openai_events, needs_no_done_after_a_finish_reason) {
  EXPECT_EQ(parse(content("Hi") + finish("length")), "text(Hi) finished(length)");
}

TEST(openai_events, without_a_finish_reason_it_is_truncated) {
  EXPECT_EQ(parse(content("Hi")), "text(Hi) failed(provider_truncated)");
  EXPECT_EQ(parse(content("Hi") + done), "text(Hi) failed(provider_truncated)");
  EXPECT_EQ(parse(""), "failed(provider_truncated)");
  EXPECT_EQ(parse(": ping\n\n"), "failed(provider_truncated)");
}

// An answer whose connection is cut anywhere is never whole before its finish reason, and always
// after it.
TEST(openai_events, is_never_whole_when_cut_before_its_finish_reason) {
  const auto before = content("One") + content("Tw\\u00f6");
  const auto stream = before + finish() + done;
  const auto reason_ends = before.size() + finish().size() - 2;  // the data line without its end
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    const auto seen = testing::parse_pieces<openai_events>({std::string_view(stream).substr(0, i)});
    if (i < reason_ends) {
      EXPECT_TRUE(seen.ends_with("failed(provider_truncated)")) << i << ": " << seen;
    } else {
      EXPECT_EQ(seen, "text(One) text(Twö) finished(stop)") << i;
    }
  }
}

TEST(openai_events, ignores_what_follows_done) {
  EXPECT_EQ(parse(content("Hi") + finish() + done + content("more") + done + finish("length") +
                  line("not json")),
            "text(Hi) finished(stop)");
}

TEST(openai_events, reads_reasoning_under_its_three_names) {
  EXPECT_EQ(parse(delta(R"("reasoning_content":"a")") + delta(R"("reasoning":"b")") +
                  delta(R"("thinking":"c")") + content("d") + finish() + done),
            "think(a) think(b) think(c) text(d) finished(stop)");
  EXPECT_EQ(parse(delta(R"("reasoning":"a","reasoning_content":"a","content":null)") +
                  delta(R"("reasoning_content":"","reasoning":{"x":1},"content":"b")") + finish()),
            "think(a) text(b) finished(stop)");
}

TEST(openai_events, reads_think_tags_over_deltas) {
  EXPECT_EQ(parse(content("<th") + content("ink>why") + content("</th") + content("ink>\\n") +
                  content("so") + finish() + done),
            "think(why) text(so) finished(stop)");
  EXPECT_EQ(parse(content("<thi") + finish() + done), "text(<thi) finished(stop)");
}

TEST(openai_events, reads_parts_as_mistral_sends_them) {
  EXPECT_EQ(
      parse(delta(R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"why"}]}])") +
            delta(R"("content":[{"type":"text","text":"so"},7,{"type":"image"}])") + finish()),
      "think(why) text(so) finished(stop)");
}

TEST(openai_events, survives_every_shape_of_chunk) {
  EXPECT_EQ(
      parse(line(R"({"choices":[],"usage":null})") + line(R"({"choices":null})") +
            line(R"({"object":"x"})") + line(R"({"choices":[null,3,{}]})") +
            line(R"({"choices":[{"delta":null,"finish_reason":null}]})") +
            line(R"({"choices":[{"index":1,"delta":{"content":"other"}}]})") +
            line(R"({"choices":[{"delta":{"content":"a"},"finish_reason":""}],"error":null})") +
            line(R"({"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]})")),
      "text(a) text(b) finished(stop)");
}

TEST(openai_events, skips_tool_calls_but_not_their_finish) {
  EXPECT_EQ(
      parse(
          delta(R"("tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{"}}])") +
          finish("tool_calls") + done),
      "finished(tool_calls)");
}

TEST(openai_events, translates_finish_reasons) {
  for (const auto& [sent, meant] : std::initializer_list<std::pair<const char*, const char*>>{
           {"stop", "stop"},
           {"length", "length"},
           {"content_filter", "content_filter"},
           {"function_call", "tool_calls"},
           {"max_tokens", "length"},
           {"eos", "stop"}}) {
    EXPECT_EQ(parse(finish(sent)), "finished(" + std::string(meant) + ")");
  }
  EXPECT_EQ(parse(content("a") + finish("error")), "text(a) failed(provider_error)");
  EXPECT_EQ(parse(finish("insufficient_system_resource")), "failed(provider_unavailable)");
}

// GLM's network_error, vLLM's abort, and whatever else somebody calls it.
TEST(openai_events, a_finish_reason_that_names_a_failure_never_makes_an_answer_whole) {
  for (const auto* const sent :
       {"abort", "aborted", "network_error", "internal_server_error", "timeout", "TIMED_OUT",
        "cancelled", "canceled", "failed", "incomplete", "model_overloaded"}) {
    EXPECT_EQ(parse(content("a") + finish(sent) + done), "text(a) failed(provider_truncated)")
        << sent;
  }
  openai_events parser;
  event_batch events;
  parser.feed(finish("network_error"), events);
  ASSERT_TRUE(parser.failure());
  EXPECT_EQ(parser.failure()->what.detail, "the provider gave the answer up: network_error");
}

TEST(openai_events, reports_usage_when_it_changes) {
  const auto used = [](int count) {
    return line(R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":)" +
                std::to_string(count) + "}}");
  };
  EXPECT_EQ(parse(used(1) + used(1) + used(2) + finish() + done),
            "usage(5,1) usage(5,2) finished(stop)");
  EXPECT_EQ(
      parse(line(R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}})") +
            finish()),
      "usage(1,2) finished(stop)");
}

TEST(openai_events, reports_errors_in_band) {
  EXPECT_EQ(parse(content("a") + line(R"({"error":{"message":"boom","type":"x"}})") + content("b")),
            "text(a) failed(provider_error)");
  EXPECT_EQ(parse("event: error\ndata: {\"message\":\"boom\"}\n\n"), "failed(provider_error)");
  EXPECT_EQ(parse("event: error\ndata: boom\n\n"), "failed(provider_error)");
  EXPECT_EQ(parse(content("a") + "error: {\"code\":500,\"message\":\"boom\"}\n"),
            "text(a) failed(provider_unavailable)");
  EXPECT_EQ(parse(line(R"({"error":{"code":429,"message":"slow down"}})")),
            "failed(provider_rate_limited)");
  EXPECT_EQ(parse(line(R"({"error":"words"})")), "failed(provider_error)");
  EXPECT_EQ(parse("{\"error\":{\"message\":\"boom\"}}\n"), "failed(provider_error)");
}

TEST(openai_events, an_error_keeps_its_words) {
  openai_events parser;
  event_batch events;
  parser.feed(line(R"({"error":{"message":"out of\nmemory","type":"server_error"}})"), events);
  ASSERT_TRUE(parser.failure());
  EXPECT_EQ(parser.failure()->what.detail, "the provider reported an error: out of memory");
  EXPECT_EQ(parser.failure()->retryable, true);
}

TEST(openai_events, text_held_back_is_given_up_before_a_failure) {
  EXPECT_EQ(parse(content("<thi") + line(R"({"error":{"message":"m"}})")),
            "text(<thi) failed(provider_error)");
  EXPECT_EQ(parse(content("<think>a</th")), "think(a) think(</th) failed(provider_truncated)");
}

TEST(openai_events, bad_json_is_a_bad_response) {
  EXPECT_EQ(parse(content("a") + line("{\"choices\":[")), "text(a) failed(provider_bad_response)");
  EXPECT_EQ(parse(content("a") + line("[1]") + content("b")),
            "text(a) failed(provider_bad_response)");
}

TEST(openai_events, a_line_that_is_too_long_is_a_bad_response) {
  const std::string huge(10 * 1024 * 1024, 'x');
  EXPECT_EQ(testing::parse_pieces<openai_events>({content("a"), content(huge), finish()}),
            "text(a) failed(provider_bad_response)");
}

TEST(openai_events, one_delta_may_have_a_megabyte) {
  std::string big;
  while (big.size() < 1024 * 1024) big += R"(é\n\"\u00e9)";
  openai_events parser;
  event_batch events;
  parser.feed(content(big) + finish() + done, events);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_GT(std::get<text_delta>(events[0]).text.size(), 400'000U);
  EXPECT_TRUE(parser.is_finished());
}

TEST(openai_events, a_hundred_thousand_deltas_of_one_byte) {
  openai_events parser;
  event_batch events;
  const auto one = content("x");
  for (int i = 0; i < 100'000; ++i) parser.feed(one, events);
  parser.feed(finish(), events);
  parser.end(events);
  EXPECT_EQ(events.size(), 100'001U);
}

TEST(openai_events, mends_invalid_text) {
  EXPECT_EQ(parse(content("a\xFF"
                          "b") +
                  content("\\ud83d") + content("\\ude00") +
                  content("\\ud83d\\ude00\\u2028\\u0000") + finish()),
            "text(a\uFFFDb) text(\uFFFD) text(\uFFFD) text(\U0001F600\u2028\uFFFD) finished(stop)");
}

TEST(openai_events, takes_line_ends_comments_and_marks_of_all_kinds) {
  EXPECT_EQ(parse("\xEF\xBB\xBF: OPENROUTER PROCESSING\r\n\r\nid: 1\r"
                  "data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\r"
                  "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n"
                  "data: [DONE]"),
            "text(a) finished(stop)");
}

TEST(openai_events, accepts_legacy_text) {
  EXPECT_EQ(parse(line(R"({"choices":[{"text":"a","index":0,"finish_reason":null}]})") +
                  line(R"({"choices":[{"text":"b","finish_reason":"length"}]})") + done),
            "text(a) text(b) finished(length)");
}

std::string parse_whole(std::string_view body) {
  openai_events parser;
  event_batch events;
  parser.take_whole(body, events);
  return testing::outcome(parser, events);
}

TEST(openai_events, accepts_an_answer_that_was_not_streamed) {
  EXPECT_EQ(parse_whole(R"({"choices":[{"message":{"role":"assistant","content":"<think>w</think>a",
                           "reasoning_content":null},"finish_reason":"stop"}],
                           "usage":{"prompt_tokens":1,"completion_tokens":2}})"),
            "usage(1,2) think(w) text(a) finished(stop)");
  EXPECT_EQ(parse_whole(R"({"choices":[{"message":{"content":"a"}}]})"),
            "text(a) failed(provider_truncated)");
  EXPECT_EQ(parse_whole(R"({"error":{"message":"m","code":503}})"), "failed(provider_unavailable)");
  EXPECT_EQ(parse_whole("{"), "failed(provider_bad_response)");
  EXPECT_EQ(parse_whole(R"({"object":"list"})"), "failed(provider_truncated)");
}

}  // namespace
}  // namespace throughline::provider
