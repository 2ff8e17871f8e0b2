#include "guard/origin.hpp"

#include <gtest/gtest.h>

namespace throughline::guard {
namespace {

using namespace std::string_literals;

void expect_authority(std::string_view text, std::string_view host,
                      std::optional<std::uint16_t> port) {
  const auto place = parse_authority(text);
  ASSERT_TRUE(place) << text;
  EXPECT_EQ(place->host, host) << text;
  EXPECT_EQ(place->port, port) << text;
}

TEST(authority, is_a_host_and_perhaps_a_port) {
  expect_authority("localhost", "localhost", std::nullopt);
  expect_authority("LocalHost:8080", "localhost", 8080);
  expect_authority("chat.example.org:65535", "chat.example.org", 65535);
  expect_authority("127.0.0.1:0", "127.0.0.1", 0);
  expect_authority("my_box-2:", "my_box-2", std::nullopt);
  expect_authority("[::1]", "[::1]", std::nullopt);
  expect_authority("[0:0:0:0:0:0:0:1]:80", "[::1]", 80);
  expect_authority("[FE80::A]:80", "[fe80::a]", 80);
}

TEST(authority, is_nothing_else) {
  for (const std::string& bad : {""s,
                                 ":"s,
                                 ":80"s,
                                 "localhost:x"s,
                                 "localhost:80x"s,
                                 "localhost:-1"s,
                                 "localhost:+1"s,
                                 "localhost: 80"s,
                                 "localhost:65536"s,
                                 "localhost:99999999999"s,
                                 "localhost:80:80"s,
                                 "a b"s,
                                 " localhost"s,
                                 "localhost "s,
                                 "user@localhost"s,
                                 "localhost/x"s,
                                 "localhost#"s,
                                 "localhost?"s,
                                 "local,host"s,
                                 "::1"s,
                                 "[::1"s,
                                 "::1]"s,
                                 "[]"s,
                                 "[::1]x"s,
                                 "[::1%lo]"s,
                                 "[127.0.0.1]"s,
                                 "[localhost]"s,
                                 "localhost\0"s,
                                 "l\u00F6calhost"s,
                                 "http://localhost"s,
                                 "localhost\r\nX: y"s}) {
    EXPECT_FALSE(parse_authority(bad)) << bad;
  }
}

TEST(authority, knows_this_machine) {
  for (const std::string_view here :
       {"localhost", "LOCALHOST:1", "127.0.0.1", "127.255.255.254:8080", "127.1.2.3", "[::1]:9",
        "[0000::0001]"}) {
    EXPECT_TRUE(is_loopback(parse_authority(here).value())) << here;
  }
  for (const std::string_view elsewhere : {"localhost.evil.example",
                                           "evil.localhost",
                                           "localhost.",
                                           "127.0.0.1.evil.example",
                                           "127.0.0.1.",
                                           "128.0.0.1",
                                           "126.0.0.1",
                                           "127.0.0",
                                           "127.1",
                                           "127.0.0.256",
                                           "127.0.0.01",
                                           "0127.0.0.1",
                                           "0x7f.0.0.1",
                                           "2130706433",
                                           "0.0.0.0",
                                           "10.0.0.1",
                                           "192.168.0.1",
                                           "[::]",
                                           "[::2]",
                                           "[::ffff:127.0.0.1]",
                                           "xlocalhost",
                                           "localhostx",
                                           "127.0.0.1x"}) {
    const auto place = parse_authority(elsewhere);
    ASSERT_TRUE(place) << elsewhere;
    EXPECT_FALSE(is_loopback(*place)) << elsewhere;
  }
}

TEST(origin, is_a_scheme_and_an_authority) {
  const auto page = parse_origin("HTTP://LocalHost:3000");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->scheme, "http");
  EXPECT_EQ(page->place, (authority{"localhost", 3000}));
  EXPECT_EQ(parse_origin("http://a:80"), parse_origin("http://a"));
  EXPECT_EQ(parse_origin("https://a:443"), parse_origin("https://a"));
  EXPECT_NE(parse_origin("https://a:80"), parse_origin("https://a"));
  EXPECT_NE(parse_origin("http://a"), parse_origin("https://a"));
  EXPECT_TRUE(parse_origin("chrome-extension://abcdef"));
}

TEST(origin, is_nothing_else) {
  for (const std::string_view bad :
       {"", "null", "*", "localhost", "//localhost", "://localhost", "http:localhost", "http://",
        "http:///", "http://a/", "http://a/b", "http://u@a", "http://a:x", "1http://a", "ht tp://a",
        "http://a http://b", "http://a, http://b", "http://a?"}) {
    EXPECT_FALSE(parse_origin(bad)) << bad;
  }
}

bool same(std::string_view page, std::string_view here) {
  return is_same_place(parse_origin(page).value(), parse_authority(here).value());
}

TEST(origin, is_compared_with_the_host_by_name_and_port) {
  EXPECT_TRUE(same("http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(same("http://localhost", "localhost"));
  EXPECT_TRUE(same("http://localhost", "localhost:80"));
  EXPECT_TRUE(same("http://localhost:80", "LOCALHOST"));
  EXPECT_TRUE(same("https://chat.example", "chat.example"));
  EXPECT_TRUE(same("https://chat.example", "chat.example:443"));
  EXPECT_TRUE(same("http://[::1]:8080", "[0::1]:8080"));
  EXPECT_FALSE(same("http://localhost:3000", "localhost:8080"));
  EXPECT_FALSE(same("http://localhost", "localhost:8080"));
  EXPECT_FALSE(same("http://localhost:8080", "localhost"));
  EXPECT_FALSE(same("http://127.0.0.1:8080", "localhost:8080"));
  EXPECT_FALSE(same("https://chat.example", "chat.example:80"));
}

}  // namespace
}  // namespace throughline::guard
