#include "http/inflater.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace throughline::http {
namespace {

constexpr int gzip_bits = 15 + 16;
constexpr int zlib_bits = 15;

std::string packed(const std::string& text, int bits) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string input = text;
  std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

TEST(inflater, unpacks_in_any_pieces) {
  const std::string text = "some text, some text, and some more text";
  for (const int bits : {gzip_bits, zlib_bits}) {
    const auto all = packed(text, bits);
    for (std::size_t size = 1; size <= all.size(); ++size) {
      inflater unpacks;
      std::string plain;
      std::string waiting;
      for (std::size_t at = 0; at < all.size(); at += size) {
        EXPECT_FALSE(unpacks.is_at_end());
        waiting += all.substr(at, size);
        ASSERT_TRUE(unpacks.inflate(waiting, plain, 1000));
        EXPECT_EQ(waiting, "");
      }
      EXPECT_EQ(plain, text);
      EXPECT_TRUE(unpacks.is_at_end());
      EXPECT_FALSE(unpacks.holds_more());
    }
  }
}

TEST(inflater, gives_no_more_at_once_than_is_wanted) {
  const std::string text(1'000'000, 'a');
  auto waiting = packed(text, gzip_bits);
  inflater unpacks;
  std::string plain;
  std::size_t steps = 0;
  while (!unpacks.is_at_end()) {
    std::string piece;
    ASSERT_TRUE(unpacks.inflate(waiting, piece, 10'000));
    EXPECT_LE(piece.size(), 10'000U + 16 * 1024);
    EXPECT_TRUE(unpacks.is_at_end() || unpacks.holds_more() || !waiting.empty());
    plain += piece;
    ++steps;
  }
  EXPECT_EQ(plain, text);
  EXPECT_GT(steps, 30U);
  EXPECT_FALSE(unpacks.holds_more());
}

TEST(inflater, refuses_what_is_not_packed) {
  inflater unpacks;
  std::string waiting = "just text";
  std::string plain;
  EXPECT_FALSE(unpacks.inflate(waiting, plain, 1000));
}

TEST(inflater, ignores_what_follows_the_end) {
  inflater unpacks;
  std::string waiting = packed("text", gzip_bits) + "more";
  std::string plain;
  EXPECT_TRUE(unpacks.inflate(waiting, plain, 1000));
  waiting += "and more";
  EXPECT_TRUE(unpacks.inflate(waiting, plain, 1000));
  EXPECT_EQ(plain, "text");
  EXPECT_EQ(waiting, "");
  EXPECT_FALSE(unpacks.holds_more());
}

}  // namespace
}  // namespace throughline::http
