#include "provider/demo.hpp"

#include <gtest/gtest.h>

#include "base/utf8.hpp"
#include "provider/completion_fixture.hpp"
#include "provider/demo_text.hpp"

namespace throughline::provider {
namespace {

using namespace std::chrono_literals;

class demo_test : public testing::completion_test {};

TEST_F(demo_test, answers_with_reasoning_text_and_usage) {
  const auto source = make_demo_provider({1ms});
  const auto seen = ask(*source);
  std::string reasoning;
  std::string content;
  for (const auto& what : seen.events) {
    const auto* const delta = std::get_if<text_delta>(&what);
    if (delta == nullptr) continue;
    EXPECT_TRUE(!delta->text.empty() && is_valid_utf8(delta->text));
    if (delta->is_reasoning) EXPECT_TRUE(content.empty()) << "reasoning comes first";
    (delta->is_reasoning ? reasoning : content) += delta->text;
  }
  EXPECT_FALSE(seen.failure);
  EXPECT_GT(seen.batches, 30);
  EXPECT_FALSE(reasoning.empty());
  EXPECT_TRUE(content.starts_with("**This is Throughline's demo model.**"));
  EXPECT_NE(content.find("> Hello \"you\"\n"), std::string::npos);
  EXPECT_NE(content.find("```sh\n"), std::string::npos);
  ASSERT_GE(seen.events.size(), 2U);
  const auto* const report = std::get_if<usage_report>(&seen.events[seen.events.size() - 2]);
  ASSERT_NE(report, nullptr);
  EXPECT_GT(report->counted.input_tokens, 0);
  EXPECT_GT(report->counted.output_tokens, 100);
  EXPECT_EQ(std::get<finished>(seen.events.back()).reason, "stop");
}

TEST_F(demo_test, is_deterministic) {
  const auto source = make_demo_provider({0ms});
  EXPECT_EQ(ask(*source).text(), ask(*source).text());
}

TEST_F(demo_test, can_be_cancelled) {
  const auto source = make_demo_provider({1h});
  const auto work = [](provider& from, aio::event_loop& loop) -> aio::awaitable<> {
    const auto answer = from.start(loop, completion_request{});
    loop.post([&answer] { answer->cancel(); });
    const auto batch = co_await answer->next();
    EXPECT_FALSE(batch);
    if (!batch) EXPECT_EQ(batch.error().what.code, errc::cancelled);
  };
  on_.run(work(*source, on_.loop));
}

TEST(demo_text, shows_a_question_as_it_is_written) {
  EXPECT_EQ(quoted_for_markdown("a <b> `c`\n# d", 100), "a \\<b\\> \\`c\\` \\# d");
  EXPECT_LT(quoted_for_markdown(std::string(10'000, 'x'), 300).size(), 310U);
  for (const auto* const question : {"", "\n", "é", "日本語日本語日本語"}) {
    for (const auto& piece : demo_answer(question)) EXPECT_TRUE(is_valid_utf8(piece.text));
  }
}

TEST(estimate_tokens, counts_four_bytes_to_a_token) {
  EXPECT_EQ(estimate_tokens(""), 0);
  EXPECT_EQ(estimate_tokens("a"), 1);
  EXPECT_EQ(estimate_tokens("abcd"), 1);
  EXPECT_EQ(estimate_tokens("abcde"), 2);
}

}  // namespace
}  // namespace throughline::provider
