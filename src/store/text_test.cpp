#include "store/text.hpp"

#include <gtest/gtest.h>

#include "store/cursor.hpp"

namespace throughline::store {
namespace {

TEST(title_of, is_the_first_line_that_is_not_blank) {
  EXPECT_EQ(title_of("hello"), "hello");
  EXPECT_EQ(title_of("\r\n  \n\thello there \r\nmore"), "hello there");
  EXPECT_EQ(title_of(""), "");
  EXPECT_EQ(title_of(" \n \t"), "");
}

TEST(title_of, is_cut_at_sixty_characters_not_bytes) {
  const std::string sixty(60, 'x');
  EXPECT_EQ(title_of(sixty), sixty);
  EXPECT_EQ(title_of(sixty + "y"), sixty + "\u2026");
  std::string umlauts;
  for (int i = 0; i < 61; ++i) umlauts += "\u00fc";
  EXPECT_EQ(title_of(umlauts), umlauts.substr(0, 120) + "\u2026");
  EXPECT_EQ(title_of(std::string(59, 'x') + " and more"), std::string(59, 'x') + "\u2026");
}

TEST(storable, replaces_nul_only) {
  EXPECT_EQ(storable("a\u00fc\x01"), "a\u00fc\x01");
  EXPECT_EQ(storable(std::string("\0a\0", 3)), "\uFFFDa\uFFFD");
}

TEST(like_pattern, takes_wildcards_literally) {
  EXPECT_EQ(like_pattern("50%_\\x"), "%50\\%\\_\\\\x%");
}

TEST(snippet_around, shows_the_match_with_what_surrounds_it) {
  EXPECT_EQ(snippet_around("A short\n\n  text", "TEXT"), "A short text");
  const std::string far(500, '.');
  const auto snippet = snippet_around(far + "Needle" + far, "needle");
  EXPECT_NE(snippet.find("Needle"), std::string::npos);
  EXPECT_TRUE(snippet.starts_with("\u2026"));
  EXPECT_TRUE(snippet.ends_with("\u2026"));
  EXPECT_EQ(snippet.size(), 120U + 6U);
  EXPECT_EQ(snippet_around("other", "needle"), "other");
  EXPECT_EQ(snippet_around("", "needle"), "");
}

TEST(snippet_around, cuts_between_characters) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "\u20ac";
  text += "needle";
  for (int i = 0; i < 200; ++i) text += "\u20ac";
  const auto snippet = snippet_around(text, "needle");
  EXPECT_TRUE(snippet.starts_with("\u2026\u20ac"));
  EXPECT_TRUE(snippet.ends_with("\u20ac\u2026"));
}

TEST(cursor, survives_the_way_to_the_client_and_back) {
  const list_place place{1, 1'700'000'000'000, conversation_id::generate()};
  const auto back = parse_list_cursor(to_cursor(place));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->pinned, 1);
  EXPECT_EQ(back->updated_at, place.updated_at);
  EXPECT_EQ(back->id, place.id);
  EXPECT_EQ(parse_seq_cursor(to_cursor(42)), 42);
}

TEST(cursor, of_another_kind_or_tampered_with_is_refused) {
  const list_place place{1, 5, conversation_id::generate()};
  EXPECT_EQ(parse_seq_cursor(to_cursor(place)), std::nullopt);
  EXPECT_FALSE(parse_list_cursor(to_cursor(42)).has_value());
  const auto good = to_cursor(place);
  EXPECT_FALSE(parse_list_cursor(good.substr(2)).has_value());
  EXPECT_FALSE(parse_list_cursor(good + "00").has_value());
  EXPECT_FALSE(parse_list_cursor(good.substr(0, good.size() - 1)).has_value());
  EXPECT_FALSE(parse_list_cursor(std::string(5000, '6')).has_value());
  EXPECT_FALSE(parse_seq_cursor(std::string(40, '3')).has_value());
}

}  // namespace
}  // namespace throughline::store
