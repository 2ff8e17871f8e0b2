#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/utf8.hpp"

namespace throughline {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;

std::string written(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// What is wrong with `text`; empty if it is accepted.
std::string complaint(std::string_view text, std::size_t depth_max = 16) {
  const auto parsed = parse_json_object(text, depth_max);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, errc::invalid_request);
  EXPECT_TRUE(is_valid_utf8(parsed.error().detail)) << parsed.error().detail;
  EXPECT_LT(parsed.error().detail.size(), 200U);
  return parsed.error().detail;
}

json::object parsed(std::string_view text) {
  auto object = parse_json_object(text);
  EXPECT_TRUE(object) << object.error().detail;
  return object ? *object : json::object();
}

TEST(append_json_string, writes_plain_text_between_quotes_behind_what_is_there) {
  std::string out = "x:";
  append_json_string(out, "Hel");
  EXPECT_EQ(out, "x:\"Hel\"");
  EXPECT_EQ(written(""), "\"\"");
  EXPECT_EQ(written("Gr\u00FC\u00DFe \u2713 \U0001F600"), "\"Gr\u00FC\u00DFe \u2713 \U0001F600\"");
}

TEST(append_json_string, escapes_what_json_demands) {
  EXPECT_EQ(written("\" \\ \n \r \t \b \f"), R"("\" \\ \n \r \t \b \f")");
  EXPECT_EQ(written("\0\x01\x1F/"s), R"("\u0000\u0001\u001f/")");
}

TEST(append_json_string, escapes_what_readers_of_lines_and_terminals_take_for_more_than_text) {
  EXPECT_EQ(written("a\u2028b\u2029c"), R"("a\u2028b\u2029c")");
  EXPECT_EQ(written("\x7F\u0080\u0085\u009B\u009F"), R"("\u007f\u0080\u0085\u009b\u009f")");
}

TEST(append_json_string, leaves_the_neighbours_of_those_alone) {
  for (const char* text :
       {"\u2027", "\u202A", "\u00A0", "\u00BF", "\u2000", "\u20AC", "\u2128", "~"}) {
    EXPECT_EQ(written(text), "\""s + text + "\"");
  }
}

TEST(append_json_string, is_read_back_as_it_was_for_every_character) {
  std::string all;
  for (std::uint32_t point = 0; point < 0x3000; ++point) {
    if (point < 0x80) {
      all.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
      all.push_back(static_cast<char>(0xC0 | point >> 6));
      all.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    } else {
      all.push_back(static_cast<char>(0xE0 | point >> 12));
      all.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
      all.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    }
  }
  const std::string out = written(all);
  EXPECT_EQ(json::parse(out).as_string(), all);
  for (const char c : out) ASSERT_GE(static_cast<unsigned char>(c), 0x20);
}

// Not what callers promise, but what a broken promise costs: the bytes themselves, never a read
// beyond the end.
TEST(append_json_string, does_not_read_beyond_a_cut_character) {
  for (const std::string& cut : {"\xE2"s, "\xE2\x80"s, "\xC2"s}) {
    const std::string exact = "ab" + cut;
    EXPECT_EQ(written(std::string_view(exact)), "\"" + exact + "\"");
  }
}

TEST(parse_json_object, reads_an_object) {
  const auto object = parsed(
      " {\"a\": 1, \"b\": [true, null, {\"a\": 2.5}], \"\\u00e9\\n\": \"\\ud83d\\ude00\"} \n");
  EXPECT_EQ(object.at("a").as_int64(), 1);
  EXPECT_EQ(object.at("b").at(2).at("a").as_double(), 2.5);
  EXPECT_EQ(object.at("\u00E9\n").as_string(), "\U0001F600");
  EXPECT_TRUE(parsed("{}").empty());
  EXPECT_EQ(parsed("{\"n\":18446744073709551615}").at("n").as_uint64(), 18446744073709551615U);
}

TEST(parse_json_object, refuses_what_is_not_an_object) {
  EXPECT_THAT(complaint("[1]"), HasSubstr("must be a JSON object, not an array"));
  EXPECT_THAT(complaint("\"x\""), HasSubstr("not a string"));
  EXPECT_THAT(complaint("7"), HasSubstr("not a number"));
  EXPECT_THAT(complaint("7.5"), HasSubstr("not a number"));
  EXPECT_THAT(complaint("true"), HasSubstr("not a boolean"));
  EXPECT_THAT(complaint("null"), HasSubstr("not null"));
}

TEST(parse_json_object, refuses_what_is_not_json_and_says_where) {
  EXPECT_THAT(complaint("{\"a\": x}"), AllOf(HasSubstr("not valid JSON"), HasSubstr("byte 7")));
  EXPECT_THAT(complaint(""), HasSubstr("ends in the middle"));
  EXPECT_THAT(complaint("   "), HasSubstr("ends in the middle"));
  EXPECT_THAT(complaint("{\"a\": 1"), AllOf(HasSubstr("byte 8"), HasSubstr("ends in the middle")));
  EXPECT_THAT(complaint("{} {}"), AllOf(HasSubstr("byte 4"), HasSubstr("something follows")));
  for (const std::string_view bad : {"{,}",
                                     "{\"a\":1,}",
                                     "{'a':1}",
                                     "{a:1}",
                                     "{\"a\":01}",
                                     "{\"a\":+1}",
                                     "{\"a\":.5}",
                                     "{\"a\":1.}",
                                     "{\"a\":NaN}",
                                     "{\"a\":Infinity}",
                                     "{\"a\":1e}",
                                     "{\"a\":\"\n\"}",
                                     "{\"a\":\"\\x\"}",
                                     "{\"a\":\"\\ud83d\"}",
                                     "{\"a\":\"\\ude00\"}",
                                     "{\"a\":1} x",
                                     "{\"a\" 1}",
                                     "{\"a\":}",
                                     "// c\n{}",
                                     "{/* c */}",
                                     "{\"a\":[1,]}",
                                     "{\"a\":tru}",
                                     "\xEF\xBB\xBF{}"}) {
    EXPECT_NE(complaint(bad), "") << bad;
  }
  EXPECT_NE(complaint("{}\0"s), "");
}

TEST(parse_json_object, refuses_a_number_that_is_too_large_to_be_one) {
  EXPECT_NE(complaint("{\"a\":1e999}"), "");
  EXPECT_NE(complaint("{\"a\":-1e999}"), "");
  EXPECT_EQ(complaint("{\"a\":1e-999}"), "");
}

TEST(parse_json_object, refuses_a_field_that_comes_twice_wherever_it_does) {
  EXPECT_THAT(complaint(R"({"a":1,"b":2,"a":1})"),
              AllOf(HasSubstr("\"a\" comes twice"), HasSubstr("byte")));
  EXPECT_THAT(complaint(R"({"a":1,"\u0061":2})"), HasSubstr("\"a\" comes twice"));
  EXPECT_THAT(complaint(R"({"o":{"k":1,"k":1}})"), HasSubstr("\"k\" comes twice"));
  EXPECT_THAT(complaint(R"({"l":[{"k":1},{"k":1,"x":{},"k":3}]})"), HasSubstr("\"k\" comes twice"));
  EXPECT_THAT(complaint(R"({"":1,"":2})"), HasSubstr("comes twice"));
  EXPECT_EQ(complaint(R"({"k":{"k":[{"k":1},{"k":2}]},"l":{"k":1}})"), "");
  EXPECT_EQ(complaint(R"({"a":1,"A":1})"), "");
}

TEST(parse_json_object, names_a_field_that_comes_twice_in_a_few_words) {
  const std::string name(5'000, 'n');
  const std::string text = "{\"" + name + "\":1,\"" + name + "\":2}";
  EXPECT_THAT(complaint(text), HasSubstr("nnn...\""));
}

TEST(parse_json_object, refuses_what_is_not_utf8_and_says_where) {
  EXPECT_THAT(complaint("{\"a\":\"\xC0\xAF\"}"), AllOf(HasSubstr("UTF-8"), HasSubstr("byte 7")));
  EXPECT_THAT(complaint("{\"a\":\"\xED\xA0\x80\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(complaint("{\"a\":\"\xE2\x82\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(complaint("{\"\xFF\":1}"), HasSubstr("UTF-8"));
}

TEST(parse_json_object, counts_levels) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels - 1, '[').insert(0, "{\"a\":") + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(complaint(nested(16)), "");
  EXPECT_THAT(complaint(nested(17)), HasSubstr("more than 16 levels"));
  EXPECT_EQ(complaint(nested(3), 3), "");
  EXPECT_THAT(complaint(nested(4), 3), HasSubstr("more than 3 levels"));
  EXPECT_THAT(complaint(nested(1'000'000)), HasSubstr("levels"));
  EXPECT_THAT(complaint("{\"a\":{\"a\":{}}}", 2), HasSubstr("more than 2 levels"));
}

}  // namespace
}  // namespace throughline
