#include "http/direct_target.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace throughline::http {
namespace {

class direct_target_test : public ::testing::Test {
 protected:
  direct_target_test() {
    for (const auto* const name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  }
  ~direct_target_test() override {
    for (const auto* const name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  }
};

TEST_F(direct_target_test, is_a_written_address) {
  const auto v4 = direct_target_of("http://127.0.0.1:11434/v1/chat?a=b#part");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->endpoint, "127.0.0.1:11434");
  EXPECT_EQ(v4->host, "127.0.0.1:11434");
  EXPECT_EQ(v4->path, "/v1/chat?a=b");
  ASSERT_EQ(v4->addresses.size(), 1U);
  EXPECT_EQ(v4->addresses[0].port(), 11434);
  const auto v6 = direct_target_of("http://[::1]");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->endpoint, "[::1]:80");
  EXPECT_EQ(v6->host, "[::1]");
  EXPECT_EQ(v6->path, "/");
  EXPECT_TRUE(v6->addresses.at(0).address().is_v6());
}

TEST_F(direct_target_test, is_this_machine_by_both_its_addresses) {
  const auto here = direct_target_of("http://localhost:8080/v1");
  ASSERT_TRUE(here);
  EXPECT_EQ(here->host, "localhost:8080");
  ASSERT_EQ(here->addresses.size(), 2U);
  EXPECT_EQ(here->addresses[0].address().to_string(), "127.0.0.1");
  EXPECT_EQ(here->addresses[1].address().to_string(), "::1");
  EXPECT_EQ(here->addresses[1].port(), 8080);
}

TEST_F(direct_target_test, leaves_the_rest_to_libcurl) {
  for (const auto* const url :
       {"https://127.0.0.1/", "http://model.example/", "http://user:secret@127.0.0.1/",
        "http://localhost.example/", "http://[fe80::1%25eth0]/", "ftp://127.0.0.1/", "http://", "",
        "http://127.0.0.1:99999/"}) {
    EXPECT_FALSE(direct_target_of(url)) << url;
  }
}

TEST_F(direct_target_test, leaves_to_libcurl_what_a_proxy_may_be_for) {
  EXPECT_TRUE(direct_target_of("http://10.0.0.1:8000/v1"));
  ::setenv("all_proxy", "", 1);
  EXPECT_TRUE(direct_target_of("http://10.0.0.1:8000/v1"));
  for (const auto* const name : {"http_proxy", "all_proxy", "ALL_PROXY"}) {
    ::setenv(name, "http://proxy.example", 1);
    EXPECT_FALSE(direct_target_of("http://10.0.0.1:8000/v1")) << name;
    EXPECT_TRUE(direct_target_of("http://127.0.0.1:8000/v1")) << name;
    EXPECT_TRUE(direct_target_of("http://localhost:8000/v1")) << name;
    ::unsetenv(name);
  }
}

TEST_F(direct_target_test, requests_are_written_out) {
  client_request request;
  request.headers = {{"Content-Type", "application/json"}, {"accept", "text/event-stream"}};
  request.body = "{}";
  const auto target = *direct_target_of("http://127.0.0.1:80/v1?x=y");
  const std::string agent = "User-Agent: throughline/" THROUGHLINE_VERSION "\r\n";
  EXPECT_EQ(encode_request(request, target),
            "POST /v1?x=y HTTP/1.1\r\nHost: 127.0.0.1\r\n" + agent +
                "Accept-Encoding: identity\r\nContent-Type: application/json\r\n"
                "accept: text/event-stream\r\nContent-Length: 2\r\n\r\n{}");
  request.verb = method::get;
  request.headers = {};
  EXPECT_EQ(encode_request(request, target),
            "GET /v1?x=y HTTP/1.1\r\nHost: 127.0.0.1\r\n" + agent +
                "Accept: */*\r\nAccept-Encoding: identity\r\n\r\n");
}

}  // namespace
}  // namespace throughline::http
