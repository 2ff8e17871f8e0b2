#include "engine/draft.hpp"

#include <gtest/gtest.h>

#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

std::string text_of(const std::vector<stream::chunk>& chunks) {
  std::string all;
  for (const auto& one : chunks)
    all += std::string(stream::to_string(one.type)) + ":" + one.content + " ";
  return all;
}

TEST(draft, gives_the_same_chunks_again_from_any_index) {
  draft text(make_reset(2, "worker_lost"));
  text.add(true, "hm");
  text.add(false, "Hel");
  text.add(true, "m");
  text.add(false, "lo");
  EXPECT_EQ(text.size(), 5U);
  const std::string all = "reset: reasoning:hm content:Hel reasoning:m content:lo ";
  EXPECT_EQ(text_of(text.chunks(0, 100)), all);
  EXPECT_EQ(text_of(text.chunks(3, 100)), "reasoning:m content:lo ");
  EXPECT_EQ(text_of(text.chunks(1, 2)), "reasoning:hm content:Hel ");
  EXPECT_EQ(text_of(text.chunks(5, 100)), "");
  EXPECT_EQ(text_of(text.chunks(0, 100)), all);
  EXPECT_EQ(text.content(), "Hello");
  EXPECT_EQ(text.reasoning(), "hmm");
}

TEST(draft, a_reset_is_not_text) {
  draft text(make_reset(3, "provider_failed"));
  EXPECT_FALSE(text.has_text());
  EXPECT_EQ(text.size(), 1U);
  const auto growth = text.since(0);
  EXPECT_EQ(growth.from_index, 1U);
  EXPECT_EQ(growth.content, "");
}

TEST(draft, growth_goes_on_where_the_last_one_ended) {
  draft text(std::nullopt);
  text.add(false, "one ");
  text.add(true, "r1");
  auto growth = text.since(0);
  EXPECT_EQ(growth.content, "one ");
  EXPECT_EQ(growth.reasoning, "r1");
  text.add(false, "two");
  growth = text.since(2);
  EXPECT_EQ(growth.from_index, 2U);
  EXPECT_EQ(growth.content, "two");
  EXPECT_EQ(growth.reasoning, "");
  // A save that failed is asked for again, whole.
  growth = text.since(0);
  EXPECT_EQ(growth.content, "one two");
}

TEST(draft, cuts_large_pieces_at_characters) {
  draft text(std::nullopt);
  std::string large;
  while (large.size() < 3 * chunk_bytes_max) large += "\xE2\x82\xAC";
  text.add(false, large);
  const auto chunks = text.chunks(0, 100);
  ASSERT_GE(chunks.size(), 3U);
  std::string joined;
  for (const auto& one : chunks) {
    EXPECT_LE(one.content.size(), chunk_bytes_max);
    EXPECT_EQ(one.content.size() % 3, 0U);
    joined += one.content;
  }
  EXPECT_EQ(joined, large);
}

}  // namespace
}  // namespace throughline::engine
