#include "provider/sse_parser.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace throughline::provider {
namespace {

/// `name|data` of each event, then `overlong` if it is.
std::vector<std::string> feed(std::initializer_list<std::string_view> pieces,
                              std::size_t line_bytes_max) {
  sse_parser parser(line_bytes_max);
  std::vector<std::string> events;
  const auto take = [&] {
    while (const auto event = parser.next()) {
      events.push_back(std::string(event->name) + "|" + std::string(event->data));
    }
  };
  for (const auto piece : pieces) {
    parser.feed(piece);
    take();
  }
  parser.end();
  take();
  if (parser.is_overlong()) events.emplace_back("overlong");
  return events;
}

std::vector<std::string> parse(std::string_view stream, std::size_t line_bytes_max = 1000) {
  const auto whole = feed({stream}, line_bytes_max);
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    for (std::size_t j = i; j <= stream.size(); ++j) {
      const auto split =
          feed({stream.substr(0, i), stream.substr(i, j - i), stream.substr(j)}, line_bytes_max);
      EXPECT_EQ(split, whole) << "split at " << i << " and " << j;
    }
  }
  return whole;
}

using list = std::vector<std::string>;

TEST(sse_parser, takes_all_line_ends) {
  EXPECT_EQ(parse("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\ndata: e\n\r\n"),
            (list{"|a", "|b", "|c", "|d", "|e"}));
}

TEST(sse_parser, joins_data_and_names_events) {
  EXPECT_EQ(parse("event: ping\ndata: a\ndata:b\ndata:  c\n\nevent: x\n\ndata: y\n\n"),
            (list{"ping|a\nb\n c", "|y"}));
}

TEST(sse_parser, skips_a_byte_order_mark) {
  EXPECT_EQ(parse("\xEF\xBB\xBF"
                  "data: a\n\n"),
            (list{"|a"}));
}

TEST(sse_parser, skips_comments_unknown_fields_and_empty_data) {
  EXPECT_EQ(parse(": ping\n\n:\n\nid: 7\nretry: 10\ndata\n\ndata:\n\ndata: \n\nfoo\nevent: e\n\n"
                  "data: a\n\n: OPENROUTER PROCESSING\n\n"),
            (list{"|a"}));
}

TEST(sse_parser, needs_no_blank_line_and_no_line_end_at_the_end) {
  EXPECT_EQ(parse("data: a\n\ndata: b\n"), (list{"|a", "|b"}));
  EXPECT_EQ(parse("data: a\n\ndata: b"), (list{"|a", "|b"}));
  EXPECT_EQ(parse("data: a\r\n\r\ndata: b\r"), (list{"|a", "|b"}));
  EXPECT_EQ(parse(""), list{});
}

TEST(sse_parser, surfaces_a_bare_error) {
  EXPECT_EQ(parse("data: a\n\nerror: {\"code\":500}\n\n"), (list{"|a", "error|{\"code\":500}"}));
  EXPECT_EQ(parse("error:x\ndata: b\n\n"), (list{"error|x", "|b"}));
  EXPECT_EQ(parse("data: lost\n{\"error\": {\"message\":\"m\"}}\n"),
            (list{"|{\"error\": {\"message\":\"m\"}}"}));
}

TEST(sse_parser, makes_bytes_valid_utf8) {
  EXPECT_EQ(parse("data: a\xFF"
                  "b\n\nevent: \xC3\ndata: \xE2\x82\n\ndata: \xE2\x82\xAC\n\n"),
            (list{"|a\xEF\xBF\xBD"
                  "b",
                  "\xEF\xBF\xBD|\xEF\xBF\xBD", "|\xE2\x82\xAC"}));
}

TEST(sse_parser, keeps_line_separators_that_are_not_line_ends) {
  EXPECT_EQ(parse("data: a\xE2\x80\xA8"
                  "b\x0B\x0C\n\n"),
            (list{"|a\xE2\x80\xA8"
                  "b\x0B\x0C"}));
  EXPECT_EQ(parse(std::string_view("data: a\0b\n\n", 11)), (list{std::string("|a\0b", 4)}));
}

TEST(sse_parser, bounds_a_line) {
  EXPECT_EQ(parse("data: a\n\ndata: 12345\n\ndata: b\n\n", 11), (list{"|a", "|12345", "|b"}));
  EXPECT_EQ(parse("data: a\n\ndata: 123456\n\ndata: b\n\n", 11), (list{"|a", "overlong"}));
  EXPECT_EQ(parse("data: a\n\ndata: 1234567", 11), (list{"|a", "overlong"}));
}

TEST(sse_parser, bounds_the_data_of_an_event) {
  EXPECT_EQ(parse("data: 1234\ndata: 1234\ndata: 1234\n\n", 11), (list{"overlong"}));
}

TEST(sse_parser, stays_linear_over_many_short_lines_and_long_ones) {
  std::string stream;
  for (int i = 0; i < 300'000; ++i) stream += "data: x\r\r";
  EXPECT_EQ(feed({stream}, 1000).size(), 300'000U);

  sse_parser parser;
  const std::string piece(100, 'y');
  parser.feed("data: ");
  for (int i = 0; i < 30'000; ++i) {
    parser.feed(piece);
    EXPECT_FALSE(parser.next());
  }
  parser.feed("\n\n");
  const auto event = parser.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.size(), 3'000'000U);
}

}  // namespace
}  // namespace throughline::provider
