#include "redis/parser.hpp"

#include <gtest/gtest.h>

namespace throughline::redis {
namespace {

value text(std::string of) {
  return {.is = value_kind::text, .text = std::move(of)};
}
value number(std::int64_t of) {
  return {.is = value_kind::integer, .integer = of};
}
value failure(std::string of) {
  return {.is = value_kind::error, .text = std::move(of)};
}
value list(std::vector<value> of, value_kind kind = value_kind::list) {
  return {.is = kind, .items = std::move(of)};
}

std::vector<value> read(std::string_view first, std::string_view second, parser& reader) {
  std::vector<value> out;
  for (const auto piece : {first, second}) {
    reader.feed(piece);
    while (auto got = reader.next()) out.push_back(std::move(*got));
  }
  return out;
}

/// The values of `bytes`, which are the same wherever the bytes are cut in two, and one by one.
std::vector<value> read(std::string_view bytes) {
  parser whole;
  const auto expected = read(bytes, "", whole);
  EXPECT_FALSE(whole.is_broken()) << whole.fault();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    parser reader;
    EXPECT_EQ(read(bytes.substr(0, cut), bytes.substr(cut), reader), expected) << cut;
  }
  parser slow;
  std::vector<value> one_by_one;
  for (const char& each : bytes) {
    slow.feed({&each, 1});
    while (auto got = slow.next()) one_by_one.push_back(std::move(*got));
  }
  EXPECT_EQ(one_by_one, expected);
  return expected;
}

value read_one(std::string_view bytes) {
  auto all = read(bytes);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? value() : all.front();
}

std::string fault_of(std::string_view bytes, parser_limits limits = {}) {
  parser reader(limits);
  const auto got = read(bytes, "", reader);
  EXPECT_TRUE(got.empty());
  EXPECT_FALSE(reader.next());
  return std::string(reader.fault());
}

TEST(redis_parser, reads_every_type_wherever_it_is_cut) {
  EXPECT_EQ(read_one("+OK\r\n"), text("OK"));
  EXPECT_EQ(read_one("-ERR no\r\n"), failure("ERR no"));
  EXPECT_EQ(read_one(":-42\r\n"), number(-42));
  EXPECT_EQ(read_one("$5\r\na\r\nbc\r\n"), text("a\r\nbc"));
  EXPECT_EQ(read_one("$0\r\n\r\n"), text(""));
  EXPECT_EQ(read_one("$-1\r\n"), value());
  EXPECT_EQ(read_one("*-1\r\n"), value());
  EXPECT_EQ(read_one("_\r\n"), value());
  EXPECT_EQ(read_one("#t\r\n"), number(1));
  EXPECT_EQ(read_one("#f\r\n"), number(0));
  EXPECT_EQ(read_one(",1.5\r\n"), text("1.5"));
  EXPECT_EQ(read_one("(123456789012345678901234567890\r\n"),
            text("123456789012345678901234567890"));
  EXPECT_EQ(read_one("=6\r\ntxt:ab\r\n"), text("ab"));
  EXPECT_EQ(read_one("!5\r\nERR x\r\n"), failure("ERR x"));
  EXPECT_EQ(read_one("*0\r\n"), list({}));
  EXPECT_EQ(read_one("*2\r\n:1\r\n*1\r\n+a\r\n"), list({number(1), list({text("a")})}));
  EXPECT_EQ(read_one("%1\r\n+k\r\n:1\r\n"), list({text("k"), number(1)}));
  EXPECT_EQ(read_one("~1\r\n:1\r\n"), list({number(1)}));
  EXPECT_EQ(read_one(">2\r\n+message\r\n$1\r\nx\r\n"),
            list({text("message"), text("x")}, value_kind::push));
}

TEST(redis_parser, drops_attributes_wherever_they_stand) {
  EXPECT_EQ(read_one("|1\r\n+ttl\r\n:3\r\n+OK\r\n"), text("OK"));
  EXPECT_EQ(read_one("*2\r\n|1\r\n+a\r\n*1\r\n:9\r\n:1\r\n|0\r\n:2\r\n"),
            list({number(1), number(2)}));
}

TEST(redis_parser, reads_values_that_lie_back_to_back) {
  const auto got = read("+a\r\n*1\r\n$1\r\nb\r\n:3\r\n>1\r\n+c\r\n");
  ASSERT_EQ(got.size(), 4U);
  EXPECT_EQ(got[1], list({text("b")}));
  EXPECT_EQ(got[3], list({text("c")}, value_kind::push));
}

TEST(redis_parser, breaks_at_what_is_not_resp) {
  for (const std::string_view bytes :
       {"hello\r\n", "\r\n", ":x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "#x\r\n", "_x\r\n",
        "$?\r\n", "*?\r\n", "%-1\r\n", ">-1\r\n", "$1\r\nab\r\n", ":99999999999999999999\r\n"}) {
    EXPECT_NE(fault_of(bytes), "") << bytes;
  }
}

TEST(redis_parser, stays_broken) {
  parser reader;
  reader.feed("?\r\n");
  EXPECT_FALSE(reader.next());
  reader.feed("+OK\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.is_broken());
}

TEST(redis_parser, is_bounded) {
  const parser_limits tight{
      .line_bytes_max = 10, .value_bytes_max = 20, .items_max = 6, .depth_max = 2};
  EXPECT_NE(fault_of("+01234567890", tight), "") << "no line end yet, and too long already";
  EXPECT_NE(fault_of("$21\r\n", tight), "");
  EXPECT_NE(fault_of("*2\r\n$15\r\n012345678901234\r\n$6\r\n", tight), "") << "of one value";
  EXPECT_NE(fault_of("*7\r\n", tight), "");
  EXPECT_NE(fault_of("*2\r\n*3\r\n:1\r\n:1\r\n:1\r\n*3\r\n:1\r\n:1\r\n", tight), "");
  EXPECT_NE(fault_of("*1\r\n*1\r\n*1\r\n", tight), "");
  EXPECT_NE(fault_of("%4\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", tight), "");
  parser reader(tight);
  for (int i = 0; i < 5; ++i) {
    reader.feed("*2\r\n$15\r\n012345678901234\r\n:1\r\n");
    EXPECT_TRUE(reader.next()) << "each value has the whole of it";
  }
}

TEST(redis_refusals, have_a_type_and_say_what_to_do) {
  EXPECT_EQ(refusal_of("LOADING Redis is loading the dataset in memory"), refusal::loading);
  EXPECT_EQ(refusal_of("READONLY You can't write against a read only replica."),
            refusal::read_only);
  EXPECT_EQ(refusal_of("OOM command not allowed when used memory > 'maxmemory'."),
            refusal::out_of_memory);
  EXPECT_EQ(refusal_of("MOVED 3999 127.0.0.1:6381"), refusal::moved);
  EXPECT_EQ(refusal_of("BUSY Redis is busy running a script."), refusal::busy);
  EXPECT_EQ(refusal_of("NOAUTH Authentication required."), refusal::not_signed_in);
  EXPECT_EQ(refusal_of("NOSCRIPT No matching script."), refusal::no_script);
  EXPECT_EQ(refusal_of("NOPERM this user has no permissions"), refusal::no_permission);
  EXPECT_EQ(refusal_of("ERR unknown command"), refusal::other);
  EXPECT_EQ(refusal_of(""), refusal::other);
  EXPECT_EQ(error_of("OOM x").code, errc::unavailable);
  EXPECT_EQ(error_of("ERR x").code, errc::internal);
}

}  // namespace
}  // namespace throughline::redis
