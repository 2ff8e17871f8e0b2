#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace throughline {
namespace {

using namespace std::string_literals;

const std::string replacement = "\xEF\xBF\xBD";

/// The encoding by the definition, without any check: it makes ill-formed sequences too.
std::string encode(std::uint32_t point, int length) {
  const auto tail = [point](int shift) {
    return static_cast<char>(0x80 | (point >> shift & 0x3F));
  };
  switch (length) {
    case 1:
      return {static_cast<char>(point)};
    case 2:
      return {static_cast<char>(0xC0 | point >> 6), tail(0)};
    case 3:
      return {static_cast<char>(0xE0 | point >> 12), tail(6), tail(0)};
    default:
      return {static_cast<char>(0xF0 | point >> 18), tail(12), tail(6), tail(0)};
  }
}

int shortest_length(std::uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

TEST(utf8, takes_every_character_and_nothing_else_of_the_same_shape) {
  for (std::uint32_t point = 0; point <= 0x1FFFFF; ++point) {
    const bool is_character = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    ASSERT_EQ(is_valid_utf8(encode(point, shortest_length(point))), is_character)
        << std::hex << point;
  }
}

TEST(utf8, refuses_every_overlong_form) {
  for (int length = 2; length <= 4; ++length) {
    const std::uint32_t first_allowed = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    for (std::uint32_t point = 0; point < first_allowed; ++point) {
      ASSERT_FALSE(is_valid_utf8(encode(point, length))) << std::hex << point;
    }
  }
}

TEST(utf8, refuses_every_truncated_character_wherever_it_lies) {
  for (const std::uint32_t point :
       {0x80U, 0x7FFU, 0x800U, 0xD7FFU, 0xE000U, 0xFFFFU, 0x10000U, 0x10FFFFU}) {
    const std::string whole = encode(point, shortest_length(point));
    for (std::size_t kept = 1; kept < whole.size(); ++kept) {
      // Before and after runs of ASCII of every length around eight, the step of the fast path.
      for (std::size_t before = 0; before < 18; ++before) {
        for (const std::string& after : {""s, "x"s, "12345678"s, whole}) {
          const std::string text = std::string(before, 'a') + whole.substr(0, kept) + after;
          ASSERT_FALSE(is_valid_utf8(text)) << std::hex << point << ' ' << kept << ' ' << before;
          ASSERT_EQ(valid_utf8_length(text), before);
          // One part, however long, is one replacement.
          ASSERT_EQ(to_valid_utf8(text), std::string(before, 'a') + replacement + after);
        }
      }
    }
  }
}

TEST(utf8, finds_a_bad_byte_at_every_place) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'\x80', '\xBF', '\xC0', '\xC1', '\xF5', '\xFF'}) {
        std::string text(size, 'a');
        text[at] = bad;
        ASSERT_EQ(valid_utf8_length(text), at);
        ASSERT_FALSE(is_valid_utf8(text));
        ASSERT_EQ(to_valid_utf8(text), text.substr(0, at) + replacement + text.substr(at + 1));
      }
    }
  }
}

TEST(utf8, leaves_what_is_valid_alone) {
  for (const std::string& text :
       {""s, "plain"s, "Gr\u00FC\u00DFe \u2713 \U0001F600"s, "a\0b"s, std::string(10'000, 'x')}) {
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(to_valid_utf8(text), text);
    EXPECT_EQ(valid_utf8_length(text), text.size());
  }
}

// The example of the Unicode standard, table 3-8 to 3-11 (U+FFFD substitution of maximal subparts).
TEST(utf8, replaces_as_the_unicode_standard_recommends) {
  const std::string& r = replacement;
  EXPECT_EQ(to_valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(to_valid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(utf8, mends_any_two_bytes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      const std::string mended = to_valid_utf8(text);
      ASSERT_TRUE(is_valid_utf8(mended)) << a << ' ' << b;
      ASSERT_EQ(mended == text, is_valid_utf8(text)) << a << ' ' << b;
    }
  }
}

TEST(utf8_prefix, ends_between_characters) {
  const std::string text = "a\u00E9\u2713\U0001F600z";  // 1 + 2 + 3 + 4 + 1 bytes
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11};
  for (std::size_t max = 0; max < std::size(expected); ++max) {
    EXPECT_EQ(utf8_prefix(text, max), expected[max]) << max;
    EXPECT_TRUE(is_valid_utf8(std::string_view(text).substr(0, utf8_prefix(text, max))));
  }
  EXPECT_EQ(utf8_prefix("", 0), 0U);
  EXPECT_EQ(utf8_prefix("", 7), 0U);
  EXPECT_EQ(utf8_prefix("\U0001F600", 3), 0U);
}

}  // namespace
}  // namespace throughline
