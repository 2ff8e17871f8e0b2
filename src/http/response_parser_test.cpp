#include "http/response_parser.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace throughline::http {
namespace {

using progress = response_parser::progress;

struct reading {
  progress reached = progress::need_more;
  int status = 0;
  std::string body;
  std::string fault;
  bool keeps_connection = false;
  bool is_head_too_large = false;
};

/// Feeds `bytes` in pieces of `piece_bytes`, then, if asked, the end of the connection.
reading read(std::string_view bytes, std::size_t piece_bytes, bool ends = false,
             bool answers_head = false) {
  reading seen;
  response_parser parser(answers_head);
  while (!bytes.empty() && seen.reached == progress::need_more) {
    // Exactly the room that is promised, so that a sanitizer sees what is written elsewhere.
    std::vector<char> room(response_parser::headroom, '?');
    const auto piece = bytes.substr(0, piece_bytes);
    room.insert(room.end(), piece.begin(), piece.end());
    bytes.remove_prefix(piece.size());
    seen.reached = parser.feed(std::span(room).subspan(response_parser::headroom), seen.body);
  }
  if (ends && seen.reached == progress::need_more) seen.reached = parser.end();
  if (parser.has_head()) seen.status = parser.head().status;
  if (seen.reached == progress::complete) seen.keeps_connection = parser.keeps_connection();
  seen.fault = parser.fault();
  seen.is_head_too_large = parser.is_head_too_large();
  return seen;
}

struct sample {
  const char* name;
  std::string bytes;
  std::string body;
  bool keeps_connection;
  bool ends = false;  // the connection does, after these bytes
};
void PrintTo(const sample& one, std::ostream* out) {
  *out << one.name;
}

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

class well_formed : public ::testing::TestWithParam<sample> {};
TEST_P(well_formed, means_the_same_wherever_it_is_cut) {
  const auto& [name, bytes, body, keeps_connection, ends] = GetParam();
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const auto seen = read(bytes, size, ends);
    ASSERT_EQ(seen.reached, progress::complete) << size << ' ' << seen.fault;
    EXPECT_EQ(seen.status, 200) << size;
    EXPECT_EQ(seen.body, body) << size;
    EXPECT_EQ(seen.keeps_connection, keeps_connection) << size;
  }
}
INSTANTIATE_TEST_SUITE_P(
    response, well_formed,
    ::testing::Values(
        sample{"length", ok + "Content-Length: 5\r\n\r\nhello", "hello", true},
        sample{"empty", ok + "Content-Length: 0\r\n\r\n", "", true},
        sample{"chunks", chunked + "5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n",
               "hello 0123456789", true},
        sample{"no_chunk", chunked + "0\r\n\r\n", "", true},
        sample{"extensions", chunked + "5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", "hello", true},
        sample{"trailer", chunked + "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", "hello",
               true},
        sample{"line_ends_inside", chunked + "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", true},
        sample{"until_close", ok + "\r\nhello", "hello", false, true},
        sample{"nothing_until_close", ok + "\r\n", "", false, true},
        sample{"after_interim",
               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok +
                   "Content-Length: 2\r\n\r\nhi",
               "hi", true},
        sample{"asks_to_close", ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi", "hi",
               false},
        sample{"old", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false},
        sample{"old_but_kept",
               "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", "hi",
               true}),
    [](const auto& info) { return info.param.name; });

TEST(response_parser, holds_back_no_byte_of_a_body) {
  const std::vector<std::pair<std::string, std::string>> bodies{
      {chunked + "5\r\n", "hello"},
      {ok + "Content-Length: 5\r\n\r\n", "hello"},
      {ok + "\r\n", "hi"}};
  for (const auto& [before, body] : bodies) {
    for (std::size_t size = 1; size <= body.size(); ++size) {
      EXPECT_EQ(read(before + body.substr(0, size), 1).body, body.substr(0, size)) << before;
    }
  }
}

TEST(response_parser, does_not_use_a_connection_again_that_says_more) {
  const auto seen = read(ok + "Content-Length: 2\r\n\r\nhi!", 1000);
  EXPECT_EQ(seen.reached, progress::complete);
  EXPECT_EQ(seen.body, "hi");
  EXPECT_FALSE(seen.keeps_connection);
}

TEST(response_parser, knows_responses_without_a_body) {
  const auto to_head = read(ok + "Content-Length: 5\r\n\r\n", 1000, false, true);
  EXPECT_EQ(to_head.reached, progress::complete);
  EXPECT_TRUE(to_head.keeps_connection);
  const auto more = read(ok + "Content-Length: 5\r\n\r\nhello", 1000, false, true);
  EXPECT_EQ(more.reached, progress::complete);
  EXPECT_EQ(more.body, "");
  EXPECT_FALSE(more.keeps_connection);
  EXPECT_EQ(read("HTTP/1.1 204 No Content\r\n\r\n", 1).reached, progress::complete);
}

TEST(response_parser, sees_that_a_body_has_broken_off) {
  const auto whole = chunked + "5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(read(whole.substr(0, size), 7, true).reached, progress::need_more) << size;
  }
}

class malformed : public ::testing::TestWithParam<std::string> {};
TEST_P(malformed, is_refused_wherever_it_is_cut) {
  for (std::size_t size = 1; size <= GetParam().size(); ++size) {
    const auto seen = read(GetParam(), size);
    EXPECT_EQ(seen.reached, progress::refused) << size;
    EXPECT_NE(seen.fault, "") << size;
    EXPECT_FALSE(seen.is_head_too_large);
  }
}
INSTANTIATE_TEST_SUITE_P(
    response, malformed,
    ::testing::Values("SSH-2.0-OpenSSH\r\n", "hi", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                      "HTTP/1.1 099 Odd\r\n\r\n",
                      // Two lengths for one body.
                      ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                      ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
                      ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello",
                      ok + "Content-Length: -1\r\n\r\n", ok + "Content-Length: 1 2\r\n\r\n",
                      ok + "Transfer-Encoding: gzip\r\n\r\nx",
                      ok + "Transfer-Encoding: gzip, chunked\r\n\r\nx",
                      ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nx",
                      // What is no chunk.
                      chunked + "x\r\nhello\r\n", chunked + "5\r\nhelloX\r\n0\r\n\r\n",
                      chunked + "FFFFFFFFFFFFFFFFF\r\nhello"));

TEST(response_parser, bounds_the_head) {
  const std::string field = "X-Padding: " + std::string(1000, 'p') + "\r\n";
  std::string endless = ok;
  while (endless.size() <= response_parser::head_bytes_max) endless += field;
  for (const std::size_t size : {std::size_t{1000}, std::size_t{32 * 1024}, endless.size()}) {
    const auto seen = read(endless, size);
    EXPECT_EQ(seen.reached, progress::refused) << size;
    EXPECT_TRUE(seen.is_head_too_large) << size;
  }
  std::string interim;
  while (interim.size() <= response_parser::head_bytes_max) {
    interim += "HTTP/1.1 102 Processing\r\n\r\n";
  }
  EXPECT_TRUE(read(interim, 1000).is_head_too_large);
  std::string large = ok;
  while (large.size() < response_parser::head_bytes_max - 2000) large += field;
  EXPECT_EQ(read(large + "Content-Length: 2\r\n\r\nhi", 1000).body, "hi");
}

TEST(response_parser, bounds_a_line_of_a_chunk_and_a_trailer) {
  const std::string padding(response_parser::head_bytes_max + 10, 'p');
  EXPECT_EQ(read(chunked + "5;" + padding, 1000).reached, progress::refused);
  EXPECT_EQ(read(chunked + "0\r\nX: " + padding, 1000).reached, progress::refused);
}

}  // namespace
}  // namespace throughline::http
