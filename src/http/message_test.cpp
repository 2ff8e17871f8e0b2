#include "http/message.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/json/parse.hpp>

#include "base/json.hpp"
#include "http/response_head.hpp"

namespace throughline::http {
namespace {

TEST(header_fields, compare_names_without_case_and_keep_order) {
  header_fields fields;
  fields.add("Accept", "a");
  fields.add("accept", "b");
  fields.add("Host", "h");
  EXPECT_EQ(fields.find("ACCEPT"), "a");
  EXPECT_EQ(fields.count("aCCept"), 2U);
  fields.set("accept", "c");
  EXPECT_EQ(fields.count("Accept"), 1U);
  EXPECT_EQ(fields.find("Accept"), "c");
  EXPECT_EQ(fields.find("Acce"), std::nullopt);
  EXPECT_EQ(fields.begin()->first, "Host");
}

TEST(query_parameters, are_decoded) {
  const auto query = query_parameters::parse("a=1%2B2&b=x+y&c&d=%C3%A4&&e==");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->find("a"), "1+2");
  EXPECT_EQ(query->find("b"), "x y");
  EXPECT_EQ(query->find("c"), "");
  EXPECT_EQ(query->find("d"), "ä");
  EXPECT_EQ(query->find("e"), "=");
  EXPECT_EQ(query->find("f"), std::nullopt);
}

TEST(query_parameters, keep_the_first_of_a_name) {
  const auto query = query_parameters::parse("a=1&a=2");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->find("a"), "1");
}

TEST(query_parameters, refuse_bad_escapes_and_bad_utf8) {
  for (const auto* text : {"a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%c3", "a=\xff"}) {
    const auto query = query_parameters::parse(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code, errc::invalid_request);
  }
}

TEST(query_parameters, read_whole_numbers_within_bounds) {
  const auto query = query_parameters::parse("n=42&neg=-3&big=99999999999999999999&x=4x&e=");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->integer("n", 1, 100).value(), 42);
  EXPECT_EQ(query->integer("neg", -5, 5).value(), -3);
  EXPECT_EQ(query->integer("absent", 1, 2).value(), std::nullopt);
  for (const auto* name : {"big", "x", "e"}) {
    const auto read = query->integer(name, 0, 100);
    ASSERT_FALSE(read) << name;
    EXPECT_NE(read.error().detail.find(name), std::string::npos);
  }
  EXPECT_FALSE(query->integer("n", 43, 100));
  EXPECT_FALSE(query->integer("n", 1, 41));
}

TEST(query_parameters, read_booleans) {
  const auto query = query_parameters::parse("a=true&b=0&c=on&d=no&e=maybe");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->boolean("a").value(), true);
  EXPECT_EQ(query->boolean("b").value(), false);
  EXPECT_EQ(query->boolean("c").value(), true);
  EXPECT_EQ(query->boolean("d").value(), false);
  EXPECT_EQ(query->boolean("absent").value(), std::nullopt);
  EXPECT_FALSE(query->boolean("e"));
}

TEST(query_parameters, name_what_is_unknown) {
  const auto query = query_parameters::parse("limit=1&order=asc&lmit=2");
  ASSERT_TRUE(query);
  constexpr std::array<std::string_view, 3> known{"limit", "order", "lmit"};
  EXPECT_EQ(query->unknown(std::span(known).first(2)), "lmit");
  EXPECT_EQ(query->unknown(known), std::nullopt);
}

TEST(problem_response, follows_rfc_9457) {
  const error failure = fail(errc::not_found, "no \"such\" conversation");
  const auto reply = problem_response(failure, "id-1");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.headers.find("content-type"), "application/problem+json");
  EXPECT_EQ(reply.headers.find("Retry-After"), std::nullopt);
  const auto body = json::parse(reply.body).as_object();
  EXPECT_EQ(body.at("type"), "urn:throughline:error:not_found");
  EXPECT_EQ(body.at("status"), 404);
  EXPECT_EQ(body.at("detail"), "no \"such\" conversation");
  EXPECT_EQ(body.at("code"), "not_found");
  EXPECT_EQ(body.at("request_id"), "id-1");
  EXPECT_FALSE(body.at("title").as_string().empty());
  EXPECT_EQ(body.size(), 6U);
}

TEST(problem_response, says_when_to_try_again) {
  const error failure = fail(errc::overloaded, "the queue is full");
  EXPECT_TRUE(problem_response(failure, "id").headers.find("Retry-After").has_value());
}

TEST(encode_head, writes_framing_and_connection_itself) {
  auto reply = json_response(200, "{}");
  reply.headers.add("Content-Length", "999");
  reply.headers.add("transfer-encoding", "gzip");
  head_shape shape;
  shape.content_length = 2;
  shape.request_id = "id-1";
  EXPECT_EQ(encode_head(reply, shape),
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            "X-Request-Id: id-1\r\n"
            "Content-Length: 2\r\n"
            "\r\n");
  shape.how = framing::chunked;
  shape.keep_alive = false;
  const auto chunked = encode_head(reply, shape);
  EXPECT_NE(chunked.find("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
            std::string::npos);
}

TEST(encode_head, lets_no_value_begin_a_field) {
  response reply;
  reply.headers.add("Location", "/a\r\nSet-Cookie: stolen=1");
  const auto head = encode_head(reply, head_shape{});
  EXPECT_EQ(head.find("\r\nSet-Cookie"), std::string::npos);
}

}  // namespace
}  // namespace throughline::http
