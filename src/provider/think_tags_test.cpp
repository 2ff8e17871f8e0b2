#include "provider/think_tags.hpp"

#include <gtest/gtest.h>

#include "provider/parser_fixture.hpp"

namespace throughline::provider {
namespace {

/// Neighbours of one kind joined, since where a text is cut decides how many deltas it makes.
std::string split(std::initializer_list<std::string_view> deltas) {
  think_tags tags;
  event_batch events;
  for (const auto delta : deltas) tags.feed(delta, events);
  tags.end(events);
  std::string reasoning;
  std::string content;
  for (const auto& what : events) {
    const auto& delta = std::get<text_delta>(what);
    EXPECT_FALSE(delta.text.empty());
    if (delta.is_reasoning) EXPECT_TRUE(content.empty()) << "reasoning after content";
    (delta.is_reasoning ? reasoning : content) += delta.text;
  }
  return reasoning + "|" + content;
}

std::string split_everywhere(std::string_view text) {
  const auto whole = split({text});
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t j = i; j <= text.size(); ++j) {
      EXPECT_EQ(split({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole);
    }
  }
  return whole;
}

TEST(think_tags, tells_reasoning_from_content) {
  EXPECT_EQ(split_everywhere("<think>because</think>so"), "because|so");
  EXPECT_EQ(split_everywhere("\n<think>\nbecause\n</think>\n\nso\n"), "\nbecause\n|so\n");
  EXPECT_EQ(split_everywhere("<think></think>so"), "|so");
  EXPECT_EQ(split_everywhere("<think>a</thin></think>b"), "a</thin>|b");
  EXPECT_EQ(split_everywhere("<think>a</think>b<think>c</think>"), "a|b<think>c</think>");
}

TEST(think_tags, leaves_ordinary_content) {
  EXPECT_EQ(split_everywhere("plain"), "|plain");
  EXPECT_EQ(split_everywhere(""), "|");
  EXPECT_EQ(split_everywhere("  <thing>x"), "|  <thing>x");
  EXPECT_EQ(split_everywhere("a <think>b</think>"), "|a <think>b</think>");
  EXPECT_EQ(split_everywhere("<thi"), "|<thi");
  EXPECT_EQ(split_everywhere(" \n"), "| \n");
}

TEST(think_tags, reasoning_without_end_is_reasoning) {
  EXPECT_EQ(split_everywhere("<think>a</thi"), "a</thi|");
}

TEST(think_tags, does_not_hold_blanks_for_ever) {
  think_tags tags;
  event_batch events;
  for (int i = 0; i < 100; ++i) tags.feed("\n", events);
  EXPECT_FALSE(events.empty());
}

TEST(think_tags, nul_becomes_a_replacement) {
  event_batch events;
  append_text(events, std::string_view("a\0b\0", 4), false);
  EXPECT_EQ(testing::to_text(events), "text(a\uFFFDb\uFFFD)");
}

}  // namespace
}  // namespace throughline::provider
