#include "load/answer_frames.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load/answer_check.hpp"

namespace throughline::load {
namespace {

using kind = answer_frame::kind;

const std::string stream =
    "retry: 1000\n\n"
    "id: 1-0\ndata: {\"chunk_index\":0,\"chunk_type\":\"content\",\"content\":\"Hel\"}\n\n"
    ": keep-alive\n\n"
    "id: 1-1\ndata: {\"chunk_index\":1,\"chunk_type\":\"content\",\"content\":\"l\\u00f6 "
    "\\\"\"}\n\n"
    "id: 1-2\ndata: {\"chunk_index\":2,\"chunk_type\":\"done\",\"content\":\"\","
    "\"status\":\"completed\"}\n\n";

/// `TYPE INDEX TEXT` of each event that is a chunk.
std::vector<std::string> chunks_in(answer_frames& frames) {
  std::vector<std::string> seen;
  answer_frame frame;
  while (frames.next(frame)) {
    if (frame.type == kind::other) continue;
    seen.push_back(std::to_string(static_cast<int>(frame.type)) + " " + std::string(frame.id) +
                   " " + std::to_string(frame.index) + " " + std::string(frame.text));
  }
  return seen;
}

TEST(answer_frames, reads_what_the_server_writes) {
  answer_frames frames;
  frames.feed(stream);
  EXPECT_EQ(chunks_in(frames),
            (std::vector<std::string>{"0 1-0 0 Hel", "0 1-1 1 lö \"", "3 1-2 2 "}));
}

TEST(answer_frames, reads_the_same_however_it_is_cut) {
  answer_frames whole;
  whole.feed(stream);
  const auto expected = chunks_in(whole);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    answer_frames frames;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      // Copied, so that a view that outlives its piece is seen by a sanitizer.
      const std::string piece = stream.substr(at, cut);
      frames.feed(piece);
      for (auto& one : chunks_in(frames)) seen.push_back(std::move(one));
    }
    EXPECT_EQ(seen, expected) << cut;
  }
}

TEST(answer_frames, reads_other_orders_of_the_fields) {
  answer_frames frames;
  frames.feed(R"(data: {"content":"x","chunk_type":"content","chunk_index":7})"
              "\n\n");
  EXPECT_EQ(chunks_in(frames), (std::vector<std::string>{"0  7 x"}));
}

TEST(answer_frames, passes_over_what_is_no_chunk) {
  answer_frames frames;
  frames.feed("data: not json\n\ndata: [1]\n\ndata: {\"chunk_index\":\"1\"}\n\n\n\n");
  EXPECT_TRUE(chunks_in(frames).empty());
}

answer_frame content(std::string_view id, std::int64_t index, std::string_view text) {
  answer_frame frame;
  frame.type = kind::content;
  frame.id = id;
  frame.attempt = id.empty() ? 0 : id[0] - '0';
  frame.index = index;
  frame.text = text;
  return frame;
}

answer_frame of_type(kind type, std::string_view id, std::int64_t index) {
  auto frame = content(id, index, "");
  frame.type = type;
  return frame;
}

TEST(answer_check, accepts_an_answer_in_order) {
  answer_check check;
  EXPECT_FALSE(check.see({}));
  EXPECT_TRUE(check.see(content("1-0", 0, "a")));
  EXPECT_TRUE(check.see(content("1-1", 1, "b")));
  EXPECT_EQ(check.position(), "1-1");
  EXPECT_TRUE(check.see(of_type(kind::done, "1-2", 2)));
  EXPECT_TRUE(check.has_ended());
  EXPECT_FALSE(check.has_failed());
  EXPECT_EQ(check.lost() + check.repeated() + check.out_of_order() + check.restarts(), 0);
  text_digest expected;
  expected.add("ab");
  EXPECT_EQ(check.text(), expected);
}

TEST(answer_check, counts_what_is_lost_repeated_and_out_of_order) {
  answer_check check;
  for (const std::int64_t index : {0, 1, 4, 4, 2, 5}) {
    check.see(content("1-" + std::to_string(index), index, "x"));
  }
  EXPECT_EQ(check.lost(), 2);
  EXPECT_EQ(check.repeated(), 1);
  EXPECT_EQ(check.out_of_order(), 1);
  check.see(of_type(kind::error, "1-6", 6));
  EXPECT_TRUE(check.has_failed());
  check.see(content("1-7", 7, "after the end"));
  EXPECT_EQ(check.repeated(), 2);
}

TEST(answer_check, begins_again_with_a_new_attempt) {
  answer_check check;
  check.see(content("1-0", 0, "old"));
  check.see(of_type(kind::reset, "2-0", 0));
  check.see(content("2-1", 1, "new"));
  EXPECT_EQ(check.restarts(), 1);
  EXPECT_EQ(check.lost() + check.repeated() + check.out_of_order(), 0);
  text_digest expected;
  expected.add("new");
  EXPECT_EQ(check.text(), expected);
}

TEST(answer_check, takes_a_text_out_of_the_database) {
  answer_check check;
  check.see(content("1-0", 0, "old"));
  check.see(of_type(kind::reset, "0-0", -1));
  check.see(content("", 0, "whole "));
  EXPECT_EQ(check.position(), "0-0");
  check.see(content("", 1, "text"));
  check.see(of_type(kind::done, "1-97", 97));
  EXPECT_TRUE(check.has_ended());
  EXPECT_EQ(check.lost() + check.repeated() + check.out_of_order(), 0);
  text_digest expected;
  expected.add("whole text");
  EXPECT_EQ(check.text(), expected);
}

TEST(answer_check, a_text_out_of_the_database_that_broke_off_begins_again) {
  answer_check check;
  check.see(content("1-0", 0, "a"));
  check.see(of_type(kind::reset, "0-0", -1));
  check.see(content("", 0, "a"));
  check.see(of_type(kind::reset, "0-0", -1));
  check.see(content("1-0", 0, "a"));
  check.see(content("1-1", 1, "b"));
  EXPECT_EQ(check.lost() + check.repeated() + check.out_of_order(), 0);
  text_digest expected;
  expected.add("ab");
  EXPECT_EQ(check.text(), expected);
}

TEST(answer_check, takes_the_whole_log_again_when_its_position_is_unknown) {
  answer_check check;
  check.see(content("1-0", 0, "a"));
  check.see(of_type(kind::reset, "0-0", -1));
  EXPECT_EQ(check.position(), "0-0");
  check.see(content("1-0", 0, "a"));
  check.see(content("1-1", 1, "b"));
  EXPECT_EQ(check.restarts(), 1);
  EXPECT_EQ(check.lost() + check.repeated() + check.out_of_order(), 0);
  text_digest expected;
  expected.add("ab");
  EXPECT_EQ(check.text(), expected);
}

TEST(text_digest, sees_a_changed_and_a_moved_byte) {
  text_digest a;
  text_digest b;
  text_digest c;
  a.add("abc");
  b.add("ab");
  b.add("c");
  c.add("acb");
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(stamps, are_found_behind_tokens) {
  std::vector<std::int64_t> found;
  for_each_stamp("0:x@12 1:y@345 mail@example @", [&](std::int64_t at) { found.push_back(at); });
  EXPECT_EQ(found, (std::vector<std::int64_t>{12, 345}));
}

}  // namespace
}  // namespace throughline::load
