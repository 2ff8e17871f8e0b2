#include "provider/lenient_json.hpp"

#include <gtest/gtest.h>

namespace throughline::provider {
namespace {

std::string text_of(std::string_view escaped) {
  const auto object = parse_lenient("{\"t\":\"" + std::string(escaped) + "\"}");
  return object ? std::string(text_at(*object, "t")) : "not JSON";
}

TEST(lenient_json, reads_half_a_surrogate_pair_as_a_replacement) {
  EXPECT_EQ(text_of(R"(a\ud83db)"), "a\uFFFDb");
  EXPECT_EQ(text_of(R"(\uDE00)"), "\uFFFD");
  EXPECT_EQ(text_of(R"(\ud83d\ud83d\ude00)"), "\uFFFD\U0001F600");
  EXPECT_EQ(text_of(R"(\ude00\ud83d)"), "\uFFFD\uFFFD");
  EXPECT_EQ(text_of(R"(\ud83d\n)"), "\uFFFD\n");
  EXPECT_EQ(text_of(R"(\ud83d\\ude00)"), "\uFFFD\\ude00");
}

TEST(lenient_json, leaves_everything_else) {
  EXPECT_EQ(text_of(R"(\ud83d\ude00)"), "\U0001F600");
  EXPECT_EQ(text_of(R"(\\ud83d \u00e9 \" \/)"), "\\ud83d é \" /");
  EXPECT_FALSE(without_lone_surrogates(R"({"a":"\ud83d\ude00 \\ud800"})"));
  EXPECT_FALSE(without_lone_surrogates(R"(\)"));
  EXPECT_FALSE(without_lone_surrogates(R"(\u)"));
  EXPECT_FALSE(without_lone_surrogates(R"(\ud8)"));
}

TEST(lenient_json, is_json_all_the_same) {
  for (const auto* const text :
       {"", "{", "[]", "1", "{\"a\":1}x", "{'a':1}", "{\"a\":\"\\ud8\"}", "{\"a\":\"\\x\"}"}) {
    EXPECT_FALSE(parse_lenient(text)) << text;
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(parse_lenient(deep + "1" + std::string(1000, '}')));
  EXPECT_TRUE(parse_lenient(" {\"a\": [1.5, true, null]} "));
}

TEST(lenient_json, reads_members_that_may_be_anything) {
  const auto object = parse_lenient(
      R"({"n":3,"f":4.0,"neg":-1,"s":"x","o":{},"a":[],"nul":null,"big":1e300,"u":18446744073709551615,"i":9223372036854775807})");
  ASSERT_TRUE(object);
  EXPECT_EQ(count_at(*object, "n"), 3);
  EXPECT_EQ(count_at(*object, "f"), 4);
  for (const auto* const name : {"neg", "s", "o", "nul", "big", "u", "i", "absent"}) {
    EXPECT_FALSE(count_at(*object, name)) << name;
  }
  EXPECT_EQ(text_at(*object, "n"), "");
  EXPECT_EQ(object_at(*object, "a"), nullptr);
  EXPECT_NE(object_at(*object, "o"), nullptr);
  EXPECT_NE(array_at(*object, "a"), nullptr);
}

}  // namespace
}  // namespace throughline::provider
