#include "provider/provider_errors.hpp"

#include <gtest/gtest.h>

namespace throughline::provider {
namespace {

using namespace std::chrono_literals;

http::header_fields fields(std::initializer_list<std::pair<const char*, const char*>> list) {
  http::header_fields headers;
  for (const auto& [name, value] : list) headers.add(name, value);
  return headers;
}

const wall_time now = *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");

bool is_retryable(const completion_error& failure) {
  return failure.retryable.value_or(describe(failure.what.code).retryable);
}

TEST(provider_errors, judges_statuses) {
  for (const int status : {408, 409, 425, 500, 502, 503, 504, 520, 529}) {
    const auto failure = status_error(status, {}, "", now);
    EXPECT_EQ(failure.what.code, errc::provider_unavailable) << status;
    EXPECT_TRUE(is_retryable(failure)) << status;
  }
  EXPECT_EQ(status_error(429, {}, "", now).what.code, errc::provider_rate_limited);
  EXPECT_TRUE(is_retryable(status_error(429, {}, "", now)));
  for (const int status : {400, 404, 413, 422, 418, 204, 301, 302, 307, 308}) {
    const auto failure = status_error(status, {}, "", now);
    EXPECT_EQ(failure.what.code, errc::provider_refused) << status;
    EXPECT_FALSE(is_retryable(failure)) << status;
  }
  for (const int status : {401, 403}) {
    const auto failure = status_error(status, {}, "", now);
    EXPECT_EQ(failure.what.code, errc::provider_unauthorized) << status;
    EXPECT_FALSE(is_retryable(failure)) << status;
  }
}

TEST(provider_errors, passes_on_the_providers_words) {
  const auto words = [](std::string_view body) {
    return status_error(400, {}, body, now).what.detail;
  };
  EXPECT_EQ(words(R"({"error":{"message":"too long","type":"t"}})"),
            "the provider answered 400: too long");
  EXPECT_EQ(words(R"({"error":"no such model"})"), "the provider answered 400: no such model");
  EXPECT_EQ(words(R"({"message":"m"})"), "the provider answered 400: m");
  EXPECT_EQ(words(R"({"detail":"d"})"), "the provider answered 400: d");
  EXPECT_EQ(words(R"({"detail":[{"loc":["x"],"msg":"field required"}]})"),
            "the provider answered 400: field required");
  EXPECT_EQ(words("plain\r\nwords\n"), "the provider answered 400: plain  words");
  EXPECT_EQ(words("<html><body>nginx</body></html>"), "the provider answered 400");
  EXPECT_EQ(words(""), "the provider answered 400");
  EXPECT_EQ(words("{\"x\":1}"), "the provider answered 400");
  EXPECT_LT(words(std::string(100'000, 'x')).size(), 400U);
}

TEST(provider_errors, a_redirect_says_what_may_be_wrong) {
  EXPECT_NE(status_error(302, fields({{"location", "http://elsewhere/"}}), "", now)
                .what.detail.find("redirect"),
            std::string::npos);
}

TEST(provider_errors, the_provider_may_override_the_advice) {
  EXPECT_EQ(status_error(400, fields({{"x-should-retry", "true"}}), "", now).retryable, true);
  EXPECT_EQ(status_error(503, fields({{"x-should-retry", "false"}}), "", now).retryable, false);
  EXPECT_FALSE(status_error(503, {}, "", now).retryable);
}

TEST(provider_errors, a_spent_quota_is_not_worth_waiting_for) {
  EXPECT_EQ(status_error(429, {}, R"({"error":{"code":"insufficient_quota","message":"m"}})", now)
                .retryable,
            false);
}

TEST(retry_after, reads_all_its_forms) {
  EXPECT_EQ(retry_after(fields({{"Retry-After", "7"}}), now), 7s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "1.5"}}), now), 1500ms);
  EXPECT_EQ(retry_after(fields({{"retry-after", "0"}}), now), 0s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "1000000000"}}), now), 1'000'000'000s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "1e9"}}), now), 1'000'000'000s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "1e99"}}), now), 1'000'000'000'000s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "1e999"}}), now), 1'000'000'000'000s);
  EXPECT_EQ(retry_after(fields({{"retry-after-ms", "250"}, {"retry-after", "9"}}), now), 250ms);
  EXPECT_EQ(retry_after(fields({{"retry-after-ms", "soon"}, {"retry-after", "9"}}), now), 9s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}), now), 30s);
  EXPECT_EQ(retry_after(fields({{"retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"}}), now), 0s);
}

TEST(retry_after, ignores_what_it_cannot_read) {
  EXPECT_FALSE(retry_after({}, now));
  for (const auto* const value :
       {"", "soon", "-1", "-1e999", "nan", "inf", "7 s", "0x10", "Sun, 06 Nox 1994 08:50:07 GMT",
        "Sun, 31 Feb 1994 08:50:07 GMT", "Sun, 06 Nov 1994 24:50:07 GMT",
        "Sun, 06 Nov 1994 08:50:07 CET"}) {
    EXPECT_FALSE(retry_after(fields({{"retry-after", value}}), now)) << value;
  }
}

TEST(redact, blots_out_every_secret) {
  const std::vector<std::string> secrets{"sk-secret-1", "other-secret", "abc"};
  std::string text = "key sk-secret-1 (sk-secret-1) or other-secret or abc";
  redact(text, secrets);
  EXPECT_EQ(text, "key [secret] ([secret]) or [secret] or abc");
}

TEST(one_line, is_one_line_and_bounded) {
  EXPECT_EQ(one_line("  a\r\n\tb\x7F\x01 "), "a   b");
  EXPECT_EQ(one_line("ééé", 3), "é…");
  EXPECT_EQ(one_line("a\xFF"), "a\uFFFD");
  EXPECT_EQ(one_line(" \n"), "");
}

}  // namespace
}  // namespace throughline::provider
