#include "app/dotenv.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

std::string value_of(std::string_view text) {
  const auto parsed = parse_dotenv(text);
  EXPECT_TRUE(parsed.problems.empty()) << text;
  EXPECT_EQ(parsed.variables.size(), 1U) << text;
  return parsed.variables.empty() ? "" : parsed.variables.front().value;
}

TEST(dotenv, bare_values_end_at_a_comment) {
  EXPECT_EQ(value_of("A=b"), "b");
  EXPECT_EQ(value_of("A = two words  # and a comment"), "two words");
  EXPECT_EQ(value_of("A=not#acomment"), "not#acomment");
  EXPECT_EQ(value_of("A= # nothing"), "");
  EXPECT_EQ(value_of("A="), "");
  EXPECT_EQ(value_of("export A=b\r\n"), "b");
  EXPECT_EQ(value_of("A=x=y"), "x=y");
  EXPECT_EQ(value_of("\xEF\xBB\xBF"
                     "A=b"),
            "b");
}

TEST(dotenv, quotes_keep_everything) {
  EXPECT_EQ(value_of("A='it # is $literal\\n'"), "it # is $literal\\n");
  EXPECT_EQ(value_of("A=\"say \\\"hi\\\"\\n# here\" # comment"), "say \"hi\"\n# here");
  EXPECT_EQ(value_of("A=\"two\nlines\""), "two\nlines");
}

TEST(dotenv, lines_are_counted) {
  const auto parsed = parse_dotenv("# first\n\nA=\"1\n2\"\nB=3\n");
  ASSERT_EQ(parsed.variables.size(), 2U);
  EXPECT_EQ(parsed.variables[0].line, 3U);
  EXPECT_EQ(parsed.variables[1].line, 5U);
}

TEST(dotenv, what_cannot_be_read_is_named_without_its_value) {
  const auto parsed = parse_dotenv("sk-secret\nA-B=1\nC=\"open\n");
  ASSERT_EQ(parsed.problems.size(), 3U);
  EXPECT_EQ(parsed.problems[0], "line 1: expected NAME=value");
  EXPECT_EQ(parsed.problems[2], "line 3: the quote that opens the value of C is never closed");
  for (const auto& problem : parsed.problems) EXPECT_EQ(problem.find("secret"), std::string::npos);
  EXPECT_FALSE(parse_dotenv("A='b' c").problems.empty());
}

}  // namespace
}  // namespace throughline::app
