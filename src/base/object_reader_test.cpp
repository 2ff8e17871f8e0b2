#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"

namespace throughline {
namespace {

using testing::AllOf;
using testing::HasSubstr;

json::object object_of(std::string_view text) {
  return parse_json_object(text).value();
}

std::string complaint(object_reader& body) {
  const auto failure = body.finish();
  if (!failure) return "";
  EXPECT_EQ(failure->code, errc::invalid_request);
  return failure->detail;
}

TEST(object_reader, reads_what_is_there) {
  const auto object = object_of(R"({"title":"Tea","limit":5,"pinned":false})");
  object_reader body(object);
  EXPECT_EQ(body.text("title", 3), "Tea");
  EXPECT_EQ(body.integer("limit", 1, 5), 5);
  EXPECT_EQ(body.boolean("pinned"), false);
  EXPECT_EQ(complaint(body), "");
}

TEST(object_reader, takes_absent_and_null_for_nothing) {
  const auto object = object_of(R"({"title":null,"limit":null,"pinned":null})");
  object_reader body(object);
  EXPECT_EQ(body.text("title", 9), std::nullopt);
  EXPECT_EQ(body.integer("limit", 0, 9), std::nullopt);
  EXPECT_EQ(body.boolean("pinned"), std::nullopt);
  EXPECT_EQ(body.text("model", 9), std::nullopt);
  EXPECT_EQ(complaint(body), "");
}

TEST(object_reader, tells_absent_null_and_given_apart) {
  const auto object = object_of(R"({"title":null,"model":"m"})");
  const object_reader body(object);
  EXPECT_TRUE(body.is_null("title"));
  EXPECT_FALSE(body.has("title"));
  EXPECT_TRUE(body.has("model"));
  EXPECT_FALSE(body.is_null("model"));
  EXPECT_FALSE(body.has("queue"));
  EXPECT_FALSE(body.is_null("queue"));
}

TEST(object_reader, names_a_field_of_the_wrong_type) {
  for (const std::string_view wrong :
       {R"({"title":1})", R"({"title":true})", R"({"title":[]})", R"({"title":{}})"}) {
    const auto object = object_of(wrong);
    object_reader body(object);
    EXPECT_EQ(body.text("title", 100), std::nullopt);
    EXPECT_THAT(complaint(body), AllOf(HasSubstr("\"title\""), HasSubstr("string"))) << wrong;
  }
  for (const std::string_view wrong :
       {R"({"limit":"5"})", R"({"limit":5.0})", R"({"limit":5.5})", R"({"limit":true})",
        R"({"limit":1e2})", R"({"limit":[5]})"}) {
    const auto object = object_of(wrong);
    object_reader body(object);
    EXPECT_EQ(body.integer("limit", 0, 1000), std::nullopt);
    EXPECT_THAT(complaint(body),
                AllOf(HasSubstr("\"limit\""), HasSubstr("whole number from 0 to 1000")))
        << wrong;
  }
  for (const std::string_view wrong :
       {R"({"pinned":"true"})", R"({"pinned":1})", R"({"pinned":{}})"}) {
    const auto object = object_of(wrong);
    object_reader body(object);
    EXPECT_EQ(body.boolean("pinned"), std::nullopt);
    EXPECT_THAT(complaint(body), AllOf(HasSubstr("\"pinned\""), HasSubstr("true or false")))
        << wrong;
  }
}

TEST(object_reader, keeps_to_the_bounds) {
  const auto object = object_of(R"({"title":"\u00e9\u00e9","least":-3,"most":9223372036854775807,
                                    "more":9223372036854775808,"text":"a\u0000b"})");
  constexpr auto min = std::numeric_limits<std::int64_t>::min();
  constexpr auto max = std::numeric_limits<std::int64_t>::max();
  {
    object_reader body(object);
    EXPECT_EQ(body.text("title", 3), std::nullopt);
    EXPECT_THAT(complaint(body),
                AllOf(HasSubstr("\"title\""), HasSubstr("4 bytes"), HasSubstr("at most 3")));
  }
  {
    object_reader body(object);
    EXPECT_EQ(body.text("title", 4), "\u00E9\u00E9");
    EXPECT_EQ(body.integer("least", -3, 0), -3);
    EXPECT_EQ(body.integer("most", min, max), max);
    EXPECT_EQ(body.integer("least", -2, 0), std::nullopt);
    EXPECT_THAT(complaint(body), HasSubstr("\"least\""));
  }
  {
    object_reader body(object);
    EXPECT_EQ(body.integer("more", min, max), std::nullopt);
    EXPECT_THAT(complaint(body), HasSubstr("\"more\""));
  }
  {
    object_reader body(object);
    EXPECT_EQ(body.text("text", 100), std::nullopt);
    EXPECT_THAT(complaint(body), AllOf(HasSubstr("\"text\""), HasSubstr("U+0000")));
  }
}

TEST(object_reader, demands_what_is_required) {
  for (const std::string_view missing : {R"({})", R"({"content":null})"}) {
    const auto object = object_of(missing);
    object_reader body(object);
    body.require("content");
    EXPECT_THAT(complaint(body), AllOf(HasSubstr("\"content\""), HasSubstr("required"))) << missing;
  }
  const auto object = object_of(R"({"content":""})");
  object_reader body(object);
  body.require("content");
  EXPECT_EQ(complaint(body), "");
}

TEST(object_reader, names_a_field_that_nobody_asked_for_and_says_which_there_are) {
  const auto object = object_of(R"({"title":"x","titel":"y"})");
  object_reader body(object);
  body.text("title", 10);
  body.boolean("pinned");
  EXPECT_THAT(complaint(body), AllOf(HasSubstr("no field \"titel\""), HasSubstr("title, pinned")));
}

TEST(object_reader, tells_the_first_thing_that_is_wrong_and_keeps_telling_it) {
  const auto object = object_of(R"({"other":1,"title":1,"limit":"x"})");
  object_reader body(object);
  body.integer("limit", 0, 1);
  body.text("title", 1);
  EXPECT_THAT(complaint(body), HasSubstr("\"limit\""));
  EXPECT_THAT(complaint(body), HasSubstr("\"limit\""));
}

}  // namespace
}  // namespace throughline
