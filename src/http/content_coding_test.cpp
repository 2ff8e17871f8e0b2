#include "http/content_coding.hpp"

#include <gtest/gtest.h>

namespace throughline::http {
namespace {

constexpr available_codings both{.gzip = true, .brotli = true};
constexpr available_codings only_gzip{.gzip = true};
using enum content_coding;

content_coding chosen(std::string value, available_codings exist = both) {
  header_fields headers;
  headers.set("Accept-Encoding", std::move(value));
  return choose_coding(headers, exist);
}

TEST(content_coding, without_a_wish_there_is_none) {
  EXPECT_EQ(choose_coding({}, both), identity);
  for (const auto* value : {"", " ", ",", "deflate", "zstd, deflate", "identity"}) {
    EXPECT_EQ(chosen(value), identity) << value;
  }
}

TEST(content_coding, is_the_smallest_that_a_browser_takes) {
  EXPECT_EQ(chosen("gzip, deflate, br, zstd"), brotli);
  EXPECT_EQ(chosen("gzip, deflate, br, zstd", only_gzip), gzip);
  EXPECT_EQ(chosen("gzip, deflate"), gzip);
  EXPECT_EQ(chosen("br", only_gzip), identity);
  EXPECT_EQ(chosen("gzip, br", {}), identity);
  EXPECT_EQ(chosen("GZIP"), gzip);
  EXPECT_EQ(chosen("x-gzip"), gzip);
  EXPECT_EQ(chosen("brotli"), identity) << "its name is br";
}

TEST(content_coding, follows_the_weights) {
  EXPECT_EQ(chosen("br;q=0.5, gzip"), gzip);
  EXPECT_EQ(chosen("br;q=0.5 , gzip ; q=0.499"), brotli);
  EXPECT_EQ(chosen("gzip;Q=1.0, br;q=1.000"), brotli);
  EXPECT_EQ(chosen("gzip;q=0.001"), gzip);
  EXPECT_EQ(chosen("gzip;q=0, br;q=0.000"), identity);
  EXPECT_EQ(chosen("identity, gzip;q=0.9, br;q=0.9"), identity);
  EXPECT_EQ(chosen("identity;q=0.1, gzip;q=0.9"), gzip);
}

TEST(content_coding, a_star_stands_for_what_is_not_named) {
  EXPECT_EQ(chosen("*"), brotli);
  EXPECT_EQ(chosen("*", only_gzip), gzip);
  EXPECT_EQ(chosen("br;q=0, *"), gzip);
  EXPECT_EQ(chosen("*;q=0"), identity);
  EXPECT_EQ(chosen("gzip, *;q=0"), gzip);
  EXPECT_EQ(chosen("identity;q=0, gzip;q=0, br;q=0"), identity) << "there is nothing else";
}

TEST(content_coding, what_cannot_be_read_is_not_said) {
  for (const auto* weight : {"2", "1.1", "-1", "0.1234", ".5", "0,5", "x", "", "1.00x", "10"}) {
    EXPECT_EQ(chosen(std::string("br;q=") + weight + ", gzip;q=0.1"), gzip) << weight;
  }
  EXPECT_EQ(chosen("br;level=9"), brotli) << "a parameter that is no weight";
  EXPECT_EQ(chosen("br;q=0.2;q=x, gzip;q=0.1"), gzip);
}

TEST(content_coding, takes_several_fields_for_one_list) {
  header_fields headers;
  headers.add("Accept-Encoding", "gzip;q=0.3");
  headers.add("accept-encoding", "br;q=0.2");
  EXPECT_EQ(choose_coding(headers, both), gzip);
}

}  // namespace
}  // namespace throughline::http
