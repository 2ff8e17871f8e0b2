#include "guard/door.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throughline::guard {
namespace {

using namespace std::string_literals;
using http::method;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr method unsafe_methods[] = {method::post, method::put, method::patch, method::delete_,
                                     method::other};
constexpr method safe_methods[] = {method::get, method::head, method::options};

using field_list = std::vector<std::pair<std::string, std::string>>;

http::request request_of(method verb, const field_list& fields) {
  http::request incoming;
  incoming.verb = verb;
  incoming.path = "/conversations";
  incoming.request_id = "r1";
  for (const auto& [name, value] : fields) incoming.headers.add(name, value);
  return incoming;
}

/// What the door says; empty if it lets the request in.
std::string refusal(const door& guard, method verb, const field_list& fields) {
  const auto refused = guard.refuse(request_of(verb, fields));
  if (!refused) return "";
  EXPECT_EQ(refused->code, errc::forbidden);
  return refused->detail;
}

std::string refused_host(const door& guard, const std::string& host) {
  return refusal(guard, method::get, {{"Host", host}});
}

std::string all_of(const http::header_fields& headers, std::string_view name) {
  std::string all;
  for (const auto& [key, value] : headers) {
    if (http::same_name(key, name)) all += (all.empty() ? "" : ", ") + value;
  }
  return all;
}

const door plain{door_options{}};
const door open_to_3000{door_options{.hosts = {}, .cors_origins = {"http://localhost:3000"}}};

TEST(door_host, lets_in_this_machine_by_any_port) {
  for (const auto& host : {"localhost"s, "localhost:8080"s, "LOCALHOST:1"s, "127.0.0.1"s,
                           "127.0.0.1:8080"s, "127.9.8.7:65535"s, "[::1]"s, "[::1]:8080"s}) {
    EXPECT_EQ(refused_host(plain, host), "") << host;
  }
}

TEST(door_host, keeps_out_every_other_name) {
  for (const auto& host : {"evil.example"s, "evil.example:8080"s, "localhost.evil.example"s,
                           "127.0.0.1.nip.io"s, "0.0.0.0:8080"s, "192.168.1.2"s, "[::]"s, ""s,
                           "localhost@evil.example"s, "localhost:x"s, "localhost, evil.example"s}) {
    EXPECT_THAT(refused_host(plain, host), AllOf(HasSubstr("Host"), HasSubstr("--public-host")))
        << host;
  }
}

TEST(door_host, demands_exactly_one) {
  EXPECT_THAT(refusal(plain, method::get, {}), HasSubstr("Host"));
  EXPECT_THAT(refusal(plain, method::get, {{"Host", "localhost"}, {"host", "localhost"}}),
              HasSubstr("Host"));
}

TEST(door_host, is_checked_for_every_method) {
  for (const auto verb : safe_methods)
    EXPECT_NE(refusal(plain, verb, {{"Host", "evil.example"}}), "");
  for (const auto verb : unsafe_methods)
    EXPECT_NE(refusal(plain, verb, {{"Host", "evil.example"}}), "");
}

// DNS rebinding: the page and the Host agree, and both are of the attacker.
TEST(door_host, is_checked_even_if_the_origin_is_the_same) {
  EXPECT_THAT(refusal(plain, method::post,
                      {{"Host", "evil.example:8080"},
                       {"Origin", "http://evil.example:8080"},
                       {"Sec-Fetch-Site", "same-origin"}}),
              HasSubstr("Host"));
}

TEST(door_host, is_extended_by_configuration) {
  const door guard(door_options{
      .hosts = {"Chat.Example", "box:8443", "fe80::1", "[2001:db8:0::1]:80", "not a host"},
      .cors_origins = {}});
  for (const auto& host : {"chat.example"s, "CHAT.example:1234"s, "box:8443"s, "[fe80:0::1]:5"s,
                           "[2001:db8::1]:80"s, "localhost"s}) {
    EXPECT_EQ(refused_host(guard, host), "") << host;
  }
  for (const auto& host : {"box"s, "box:80"s, "a.chat.example"s, "chat.example.org"s,
                           "[2001:db8::1]:81"s, "[fe80::2]"s, "not"s}) {
    EXPECT_NE(refused_host(guard, host), "") << host;
  }
}

TEST(door_host, quotes_little_of_what_it_refuses) {
  const auto said = refused_host(plain, std::string(5000, 'x') + "\xFF");
  EXPECT_THAT(said, HasSubstr("xxx..."));
  EXPECT_LT(said.size(), 300U);
}

TEST(door_origin, lets_in_programs_and_its_own_pages) {
  for (const auto verb : unsafe_methods) {
    EXPECT_EQ(refusal(plain, verb, {{"Host", "localhost:8080"}}), "");
    EXPECT_EQ(
        refusal(plain, verb, {{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}),
        "");
    EXPECT_EQ(refusal(plain, verb,
                      {{"Host", "localhost"},
                       {"Origin", "http://localhost"},
                       {"Sec-Fetch-Site", "same-origin"}}),
              "");
    EXPECT_EQ(refusal(plain, verb, {{"Host", "localhost:8080"}, {"Sec-Fetch-Site", "none"}}), "");
  }
}

TEST(door_origin, keeps_foreign_pages_from_changing_anything) {
  for (const auto verb : unsafe_methods) {
    for (const auto& page :
         {"https://evil.example"s, "http://evil.example:8080"s, "http://localhost:3000"s,
          "http://localhost"s, "http://127.0.0.1:8080"s, "http://[::1]:8080"s, "null"s, ""s, "*"s,
          "http://localhost:8080/"s, "http://localhost:8080.evil.example"s,
          "http://localhost:8080@evil.example"s}) {
      EXPECT_THAT(refusal(plain, verb, {{"Host", "localhost:8080"}, {"Origin", page}}),
                  AllOf(HasSubstr("Origin"), HasSubstr("--cors-origin")))
          << page;
    }
  }
}

TEST(door_origin, does_not_choose_between_two) {
  EXPECT_NE(refusal(plain, method::post,
                    {{"Host", "localhost:8080"},
                     {"Origin", "http://localhost:8080"},
                     {"Origin", "https://evil.example"}}),
            "");
  EXPECT_NE(refusal(open_to_3000, method::post,
                    {{"Host", "localhost:8080"},
                     {"Origin", "http://localhost:3000"},
                     {"Origin", "https://evil.example"}}),
            "");
}

TEST(door_origin, believes_what_the_browser_says_about_the_site) {
  for (const auto verb : unsafe_methods) {
    for (const auto& site : {"cross-site"s, "same-site"s, ""s, "Same-Origin"s, "whatever"s}) {
      EXPECT_THAT(refusal(plain, verb, {{"Host", "localhost:8080"}, {"Sec-Fetch-Site", site}}),
                  HasSubstr("Sec-Fetch-Site"))
          << site;
      EXPECT_THAT(refusal(plain, verb,
                          {{"Host", "localhost:8080"},
                           {"Origin", "http://localhost:8080"},
                           {"Sec-Fetch-Site", site}}),
                  HasSubstr("Sec-Fetch-Site"))
          << site;
    }
    EXPECT_THAT(refusal(plain, verb,
                        {{"Host", "localhost"},
                         {"Sec-Fetch-Site", "same-origin"},
                         {"Sec-Fetch-Site", "cross-site"}}),
                HasSubstr("Sec-Fetch-Site"));
  }
}

// They change nothing, and without CORS headers the page cannot read the answer.
TEST(door_origin, does_not_matter_for_safe_methods) {
  for (const auto verb : safe_methods) {
    EXPECT_EQ(refusal(plain, verb,
                      {{"Host", "localhost:8080"},
                       {"Origin", "https://evil.example"},
                       {"Sec-Fetch-Site", "cross-site"}}),
              "");
  }
}

TEST(door_origin, is_extended_by_configuration_exactly) {
  for (const auto verb : unsafe_methods) {
    EXPECT_EQ(refusal(open_to_3000, verb,
                      {{"Host", "localhost:8080"},
                       {"Origin", "http://localhost:3000"},
                       {"Sec-Fetch-Site", "same-site"}}),
              "");
    for (const auto& page :
         {"https://localhost:3000"s, "http://localhost:3001"s, "http://localhost"s,
          "http://localhost:30000"s, "http://127.0.0.1:3000"s, "null"s}) {
      EXPECT_NE(refusal(open_to_3000, verb, {{"Host", "localhost:8080"}, {"Origin", page}}), "")
          << page;
    }
  }
  // A configured origin opens the door for pages, not for names.
  EXPECT_THAT(refusal(open_to_3000, method::post,
                      {{"Host", "evil.example"}, {"Origin", "http://localhost:3000"}}),
              HasSubstr("Host"));
}

TEST(door_origin, has_no_wildcard) {
  const door guard(
      door_options{.hosts = {"*"}, .cors_origins = {"*", "null", "http://*", "localhost"}});
  for (const auto& page : {"https://evil.example"s, "null"s, "*"s, "http://*"s}) {
    EXPECT_NE(refusal(guard, method::post, {{"Host", "localhost:8080"}, {"Origin", page}}), "")
        << page;
  }
  EXPECT_NE(refused_host(guard, "evil.example"), "");
}

TEST(door_origin, may_be_configured_as_the_address_bar_shows_it) {
  const door guard(door_options{
      .hosts = {}, .cors_origins = {"HTTP://LocalHost:80/", "https://chat.example:443"}});
  EXPECT_EQ(
      refusal(guard, method::post, {{"Host", "localhost:8080"}, {"Origin", "http://localhost"}}),
      "");
  EXPECT_EQ(refusal(guard, method::post,
                    {{"Host", "localhost:8080"}, {"Origin", "https://chat.example"}}),
            "");
}

http::response dressed(const door& guard, const field_list& fields) {
  http::response reply;
  guard.add_cors_headers(request_of(method::get, fields), reply);
  return reply;
}

TEST(door_cors, lets_a_configured_page_read_the_answer) {
  const auto reply =
      dressed(open_to_3000, {{"Host", "localhost:8080"}, {"Origin", "http://localhost:3000"}});
  EXPECT_EQ(all_of(reply.headers, "Access-Control-Allow-Origin"), "http://localhost:3000");
  EXPECT_THAT(all_of(reply.headers, "Access-Control-Expose-Headers"), HasSubstr("X-Request-Id"));
  EXPECT_THAT(all_of(reply.headers, "Access-Control-Expose-Headers"), HasSubstr("Retry-After"));
  EXPECT_EQ(all_of(reply.headers, "Vary"), "Origin");
  EXPECT_EQ(all_of(reply.headers, "Access-Control-Allow-Credentials"), "true");
}

TEST(door_cors, says_nothing_to_others_but_that_it_depends) {
  for (const field_list& fields :
       {field_list{}, field_list{{"Origin", "https://evil.example"}},
        field_list{{"Origin", "null"}},
        field_list{{"Origin", "http://localhost:3000"}, {"Origin", "http://localhost:3000"}}}) {
    const auto reply = dressed(open_to_3000, fields);
    EXPECT_FALSE(reply.headers.find("Access-Control-Allow-Origin"));
    EXPECT_FALSE(reply.headers.find("Access-Control-Expose-Headers"));
    EXPECT_EQ(all_of(reply.headers, "Vary"), "Origin");
  }
}

TEST(door_cors, says_nothing_at_all_when_nothing_is_configured) {
  const auto reply = dressed(plain, {{"Origin", "http://localhost:8080"}});
  EXPECT_EQ(reply.headers.begin(), reply.headers.end());
}

TEST(door_cors, may_be_said_twice_and_keeps_what_is_there) {
  const auto incoming = request_of(method::get, {{"Origin", "http://localhost:3000"}});
  http::response reply;
  reply.headers.add("Vary", "Accept");
  open_to_3000.add_cors_headers(incoming, reply);
  open_to_3000.add_cors_headers(incoming, reply);
  EXPECT_EQ(all_of(reply.headers, "Vary"), "Accept, Origin");
  EXPECT_EQ(reply.headers.count("Access-Control-Allow-Origin"), 1U);
  EXPECT_EQ(reply.headers.count("Access-Control-Expose-Headers"), 1U);
}

TEST(door_preflight, answers_a_configured_page) {
  const auto reply = open_to_3000.preflight(
      request_of(method::options, {{"Host", "localhost:8080"},
                                   {"Origin", "http://localhost:3000"},
                                   {"Access-Control-Request-Method", "POST"},
                                   {"Access-Control-Request-Headers", "idempotency-key"}}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 204);
  EXPECT_TRUE(reply->body.empty());
  EXPECT_EQ(all_of(reply->headers, "Access-Control-Allow-Origin"), "http://localhost:3000");
  for (const auto* verb : {"GET", "POST", "PATCH", "DELETE"}) {
    EXPECT_THAT(all_of(reply->headers, "Access-Control-Allow-Methods"), HasSubstr(verb));
  }
  for (const auto* name : {"Last-Event-ID", "Idempotency-Key", "Content-Type"}) {
    EXPECT_THAT(all_of(reply->headers, "Access-Control-Allow-Headers"), HasSubstr(name));
  }
  EXPECT_THAT(all_of(reply->headers, "Access-Control-Allow-Headers"), Not(HasSubstr("*")));
  EXPECT_EQ(all_of(reply->headers, "Vary"), "Origin");
  EXPECT_TRUE(reply->headers.find("Access-Control-Max-Age"));
  EXPECT_EQ(all_of(reply->headers, "Access-Control-Allow-Credentials"), "true");
}

TEST(door_preflight, refuses_any_other_page) {
  for (const door* guard : {&plain, &open_to_3000}) {
    for (const auto& page : {"https://evil.example"s, "null"s, "http://localhost:8080"s}) {
      const auto reply = guard->preflight(
          request_of(method::options, {{"Host", "localhost:8080"},
                                       {"Origin", page},
                                       {"Access-Control-Request-Method", "POST"}}));
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->status, 403);
      EXPECT_THAT(reply->body, HasSubstr("--cors-origin"));
      for (const auto& [name, value] : reply->headers)
        EXPECT_FALSE(name.starts_with("Access-Control")) << name;
    }
  }
}

TEST(door_preflight, is_only_what_browsers_ask) {
  const field_list asks{{"Origin", "http://localhost:3000"},
                        {"Access-Control-Request-Method", "POST"}};
  EXPECT_FALSE(open_to_3000.preflight(request_of(method::get, asks)));
  EXPECT_FALSE(open_to_3000.preflight(request_of(method::post, asks)));
  EXPECT_FALSE(
      open_to_3000.preflight(request_of(method::options, {{"Origin", "http://localhost:3000"}})));
}

TEST(door_principal, is_the_local_one) {
  EXPECT_EQ(plain.principal(request_of(method::get, {})), "local");
}

}  // namespace
}  // namespace throughline::guard
