#include "app/config_file.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

using texts = std::vector<std::string>;

TEST(config_file, reads_texts_numbers_lists_and_sections) {
  const auto read = parse_config_file(
      "# settings\n"
      "listen = \"127.0.0.1:9000\" # inline\n"
      "idle_timeout = 30s\n"
      "queues = [ \"default\", 'mail',\n  plain, # more\n]\n"
      "[providers.\"my.own\"]\n"
      "base_url = 'http://x/#/v1'\n"
      "headers = { \"X-A\" = \"1, 2\", X-B = b }\n"
      "extra_body = '{\"a\": [1, \"#\"]}'\n");
  EXPECT_TRUE(read.problems.empty());
  ASSERT_EQ(read.entries.size(), 7U);
  EXPECT_EQ(read.entries[0].values, texts{"127.0.0.1:9000"});
  EXPECT_EQ(read.entries[1].values, texts{"30s"});
  EXPECT_EQ(read.entries[2].values, (texts{"default", "mail", "plain"}));
  EXPECT_TRUE(read.entries[2].is_list);
  EXPECT_EQ(read.entries[3].section, (texts{"providers", "my.own"}));
  EXPECT_EQ(read.entries[3].values, texts{"http://x/#/v1"});
  EXPECT_EQ(read.entries[3].line, 8U);
  EXPECT_EQ(read.entries[4].section, (texts{"providers", "my.own", "headers"}));
  EXPECT_EQ(read.entries[4].key, "X-A");
  EXPECT_EQ(read.entries[4].values, texts{"1, 2"});
  EXPECT_EQ(read.entries[6].values, texts{"{\"a\": [1, \"#\"]}"});
}

TEST(config_file, escapes) {
  const auto read = parse_config_file("a = \"x\\n\\t\\\"\\\\\\u00e9\"\nb = \"\"\n");
  ASSERT_EQ(read.entries.size(), 2U);
  EXPECT_EQ(read.entries[0].values, texts{"x\n\t\"\\\xC3\xA9"});
  EXPECT_EQ(read.entries[1].values, texts{""});
}

TEST(config_file, each_bad_line_is_a_problem_and_the_rest_is_read) {
  const auto read = parse_config_file(
      "listen\n"
      "a = two words\n"
      "b = \"open\n"
      "c = \"\\q\"\n"
      "d =\n"
      "e = 1\n"
      "e = 2\n"
      "[x\n"
      "[x]\n"
      "[x]\n"
      "f = \"\\ud800\"\n"
      "g = 1\n"
      "h = [1, 2\n");
  EXPECT_EQ(read.problems.size(), 10U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(read.problems[i].rfind("line " + std::to_string(i + 1) + ": ", 0), 0U)
        << read.problems[i];
  }
  EXPECT_EQ(read.problems[5], "line 7: e is set twice");
  ASSERT_EQ(read.entries.size(), 2U);
  EXPECT_EQ(read.entries[1].key, "g");
}

TEST(config_file, tables_in_tables_and_names_in_names_have_an_end) {
  std::string tables = "k = ";
  std::string names = "[a";
  for (int i = 0; i < 200'000; ++i) {
    tables += "{a=";
    names += ".a";
  }
  const auto read = parse_config_file(tables + "\n" + names + "]\nb = 1\n");
  EXPECT_EQ(read.problems, (texts{"line 1: the tables have too many levels",
                                  "line 2: the section has too many levels"}));
  ASSERT_EQ(read.entries.size(), 1U);
  EXPECT_EQ(read.entries[0].key, "b");

  const auto deepest = parse_config_file("[1.2.3.4.5.6.7.8.9.10.11.12.13.14.15]\na = {b = 1}\n");
  EXPECT_TRUE(deepest.problems.empty());
  ASSERT_EQ(deepest.entries.size(), 1U);
  EXPECT_EQ(deepest.entries[0].section.size(), 16U);
  EXPECT_EQ(parse_config_file("[1.2.3.4.5.6.7.8.9.10.11.12.13.14.15]\na = {b = {c = 1}}\n")
                .problems.size(),
            1U);
}

TEST(config_file, a_problem_does_not_repeat_half_a_character) {
  EXPECT_EQ(parse_config_file("a = \"\\\xC3\xA4\"").problems, texts{"line 1: unknown escape in a"});
  EXPECT_EQ(parse_config_file("a = \"\\q\"").problems, texts{"line 1: unknown escape \\q in a"});
}

TEST(config_file, other_encodings_are_refused) {
  EXPECT_EQ(parse_config_file("a = \"\xFF\"").problems, texts{"the file is not UTF-8"});
}

}  // namespace
}  // namespace throughline::app
