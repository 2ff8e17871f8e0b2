#include "load/response_reader.hpp"

#include <gtest/gtest.h>

namespace throughline::load {
namespace {

using step = response_reader::step;

/// Feeds `bytes` in pieces of `size`; what came: `200 BODY;` for each response, `!` if malformed.
std::string read(const std::string& bytes, std::size_t size) {
  response_reader reader;
  std::string seen;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    const std::string piece = bytes.substr(at, size);
    std::string_view rest = piece;
    for (bool goes_on = true; goes_on;) {
      switch (reader.next(rest)) {
        case step::needs_more:
          EXPECT_TRUE(rest.empty());
          goes_on = false;
          break;
        case step::head:
          seen += std::to_string(reader.status()) + " ";
          break;
        case step::body:
          seen += reader.body();
          break;
        case step::end:
          seen += ";";
          break;
        case step::malformed:
          return seen + "!";
      }
    }
  }
  return seen;
}

TEST(response_reader, reads_all_framings_however_they_are_cut) {
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nhello"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
      "HTTP/1.1 204 No Content\r\n\r\n"
      "HTTP/1.1 200 OK\r\n\r\nto the end";
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    EXPECT_EQ(read(bytes, size), "202 hello;200 abc0123456789;204 ;200 to the end") << size;
  }
}

TEST(response_reader, refuses_what_it_does_not_know) {
  EXPECT_EQ(read("SSH-2.0-OpenSSH_9\r\n\r\n", 100), "!");
  EXPECT_EQ(read("HTTP/1.1 abc\r\n\r\n", 100), "!");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 100), "!");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 100), "!");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 100), "200 !");
  EXPECT_EQ(read(std::string(100'000, 'x'), 1000), "!");
}

TEST(response_reader, knows_that_a_connection_closes) {
  response_reader reader;
  std::string_view bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(reader.next(bytes), step::head);
  EXPECT_TRUE(reader.closes());
}

TEST(find_header, compares_names_without_case) {
  const std::string_view head = "HTTP/1.1 200 OK\r\nX-A:  b c \r\nServer: s\r\n";
  EXPECT_EQ(find_header(head, "x-a"), "b c");
  EXPECT_EQ(find_header(head, "x"), std::nullopt);
}

}  // namespace
}  // namespace throughline::load
