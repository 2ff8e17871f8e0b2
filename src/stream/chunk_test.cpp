#include "stream/chunk.hpp"

#include <gtest/gtest.h>

namespace throughline::stream {
namespace {

TEST(chunk_frame, is_written_byte_for_byte_as_the_contract_says) {
  std::string out = "before|";
  encode_chunk_frame(out, {1, 42}, {chunk_type::content, "Hel", ""});
  EXPECT_EQ(out,
            "before|id: 1-42\n"
            "data: {\"chunk_index\":42,\"chunk_type\":\"content\",\"content\":\"Hel\"}\n\n");
}

TEST(chunk_frame, carries_fields_after_the_content) {
  std::string out;
  encode_chunk_json(out, 0, {chunk_type::reset, "", R"(,"attempt":2,"reason":"worker_lost")"});
  EXPECT_EQ(
      out,
      R"({"chunk_index":0,"chunk_type":"reset","content":"","attempt":2,"reason":"worker_lost"})");
}

TEST(chunk_frame, without_a_place_in_a_log_has_no_id) {
  std::string out;
  encode_unlogged_frame(out, 3, {chunk_type::content, "x", ""});
  EXPECT_EQ(out, "data: {\"chunk_index\":3,\"chunk_type\":\"content\",\"content\":\"x\"}\n\n");
}

TEST(chunk_frame, of_a_reset_without_a_place_in_a_log_has_an_id_that_is_no_position) {
  std::string out;
  encode_unlogged_frame(out, -1, {chunk_type::reset, "", ""});
  EXPECT_EQ(out,
            "id: 0-0\ndata: {\"chunk_index\":-1,\"chunk_type\":\"reset\",\"content\":\"\"}\n\n");
  EXPECT_EQ(parse_position("0-0"), std::nullopt);
}

TEST(chunk_frame, takes_the_largest_numbers) {
  std::string out;
  encode_chunk_frame(out, {4294967294U, 4294967294U}, {chunk_type::done, "", ""});
  EXPECT_TRUE(out.starts_with("id: 4294967294-4294967294\ndata: {\"chunk_index\":4294967294,"));
}

TEST(chunk_frame, never_contains_a_line_end_of_the_text) {
  std::string out;
  encode_chunk_frame(out, {1, 0}, {chunk_type::content, "a\nb\r\n\nc\"\\", ""});
  EXPECT_EQ(out.find("\n\n"), out.size() - 2);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3);
  EXPECT_EQ(out.find('\r'), std::string::npos);
}

TEST(chunk_frame, every_type_has_its_name) {
  EXPECT_EQ(to_string(chunk_type::content), "content");
  EXPECT_EQ(to_string(chunk_type::reasoning), "reasoning");
  EXPECT_EQ(to_string(chunk_type::reset), "reset");
  EXPECT_EQ(to_string(chunk_type::done), "done");
  EXPECT_EQ(to_string(chunk_type::error), "error");
  EXPECT_TRUE(is_terminal(chunk_type::done));
  EXPECT_TRUE(is_terminal(chunk_type::error));
  EXPECT_FALSE(is_terminal(chunk_type::reset));
}

TEST(take_frame, cuts_frames_apart_again) {
  std::string out;
  encode_unlogged_frame(out, -1, {chunk_type::reset, "", ""});
  encode_chunk_frame(out, {2, 0}, {chunk_type::content, "x", ""});
  std::string_view rest = out;

  const auto first = take_frame(rest);
  EXPECT_EQ(first.at, std::nullopt);
  EXPECT_EQ(first.json, R"({"chunk_index":-1,"chunk_type":"reset","content":""})");
  const auto second = take_frame(rest);
  EXPECT_EQ(second.at, (position{2, 0}));
  EXPECT_EQ(second.json, R"({"chunk_index":0,"chunk_type":"content","content":"x"})");
  EXPECT_EQ(std::string(first.whole) + std::string(second.whole), out);
  EXPECT_TRUE(rest.empty());
}

TEST(position_text, is_read_back_as_it_was_written) {
  for (const position at : {position{1, 0}, position{1, 42}, position{4294967294U, 4294967294U}}) {
    EXPECT_EQ(parse_position(to_string(at)), at);
  }
  EXPECT_EQ(to_string(position{1, 42}), "1-42");
}

TEST(position_text, anything_else_is_garbage) {
  for (const auto* text : {"",
                           "-",
                           "1",
                           "1-",
                           "-1",
                           "0-0",
                           "0-1",
                           "1--1",
                           "-1-1",
                           "+1-1",
                           "1-+1",
                           "01-1",
                           "1-01",
                           "1-00",
                           "1-1 ",
                           " 1-1",
                           "1- 1",
                           "1-1-1",
                           "4294967295-0",
                           "1-4294967295",
                           "1-4294967296",
                           "99999999999999999999-1",
                           "1-0x1",
                           "a-b",
                           "1-1\n",
                           "1.0-1",
                           "\xC3\xA9-1"}) {
    EXPECT_EQ(parse_position(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_position(std::string_view("1-1\0", 4)), std::nullopt);
}

TEST(stored_chunk, has_the_frame_it_would_have_had) {
  using enum chunk_type;
  for (const auto type : {content, reasoning, reset, done, error}) {
    const chunk piece{type, "a\n\"b\"", R"(,"status":"completed")"};
    std::string json;
    encode_chunk_json(json, 42, piece);
    EXPECT_EQ(type_of_stored(json, 42), type);
    std::string frame;
    std::string stored;
    encode_chunk_frame(frame, {3, 42}, piece);
    encode_stored_frame(stored, {3, 42}, json);
    EXPECT_EQ(stored, frame);
  }
}

TEST(stored_chunk, is_nothing_else) {
  const std::string right = R"({"chunk_index":4,"chunk_type":"content","content":"a"})";
  EXPECT_TRUE(type_of_stored(right, 4));
  EXPECT_FALSE(type_of_stored(right, 5));
  for (const char* wrong :
       {"", "{}", R"({"chunk_index":4})", R"({"chunk_index":4,"chunk_type":"odd","content":"a"})",
        R"({"chunk_index":04,"chunk_type":"content","content":"a"})",
        R"({"chunk_index":,"chunk_type":"content","content":"a"})",
        R"({"chunk_index":4,"chunk_type":"content","text":"a"})",
        R"({"chunk_index":4,"chunk_type":"content","content":"a")",
        "{\"chunk_index\":4,\"chunk_type\":\"content\",\"content\":\"\n\"}"}) {
    EXPECT_FALSE(type_of_stored(wrong, 4)) << wrong;
  }
}

}  // namespace
}  // namespace throughline::stream
