#include "base/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace throughline {
namespace {

struct contract_row {
  errc code;
  int http_status;
  std::string_view wire;
  bool retryable;
};

// The contract with clients, written down a second time: a change here is a change for them.
constexpr contract_row contract[] = {
    {errc::invalid_request, 400, "invalid_request", false},
    {errc::not_found, 404, "not_found", false},
    {errc::conflict, 409, "conflict", false},
    {errc::idempotency_key_reused, 422, "idempotency_key_reused", false},
    {errc::unprocessable, 422, "unprocessable", false},
    {errc::payload_too_large, 413, "payload_too_large", false},
    {errc::forbidden, 403, "forbidden", false},
    {errc::method_not_allowed, 405, "method_not_allowed", false},
    {errc::unsupported_media_type, 415, "unsupported_media_type", false},
    {errc::unauthorized, 401, "unauthorized", false},
    {errc::too_many_requests, 429, "too_many_requests", true},
    {errc::request_timeout, 408, "request_timeout", true},
    {errc::target_too_long, 414, "target_too_long", false},
    {errc::head_too_large, 431, "head_too_large", false},
    {errc::expectation_failed, 417, "expectation_failed", false},
    {errc::not_implemented, 501, "not_implemented", false},
    {errc::version_not_supported, 505, "version_not_supported", false},
    {errc::overloaded, 503, "overloaded", true},
    {errc::unavailable, 503, "unavailable", true},
    {errc::storage_full, 507, "storage_full", true},
    {errc::storage_failed, 503, "storage_failed", true},
    {errc::internal, 500, "internal", true},
    {errc::cancelled, 499, "cancelled", true},
    {errc::provider_unreachable, 502, "provider_unreachable", true},
    {errc::provider_unavailable, 502, "provider_unavailable", true},
    {errc::provider_rate_limited, 502, "provider_rate_limited", true},
    {errc::provider_refused, 502, "provider_refused", false},
    {errc::provider_unauthorized, 502, "provider_unauthorized", false},
    {errc::provider_timeout, 502, "provider_timeout", true},
    {errc::provider_truncated, 502, "provider_truncated", true},
    {errc::provider_bad_response, 502, "provider_bad_response", true},
    {errc::provider_error, 502, "provider_error", true},
    {errc::provider_missing, 502, "provider_missing", false},
    {errc::worker_lost, 502, "worker_lost", true},
};

TEST(error_table, says_what_clients_were_promised) {
  for (const auto& row : contract) {
    const auto& description = describe(row.code);
    EXPECT_EQ(description.code, row.wire);
    EXPECT_EQ(description.http_status, row.http_status) << row.wire;
    EXPECT_EQ(description.retryable, row.retryable) << row.wire;
    EXPECT_FALSE(description.title.empty()) << row.wire;
  }
  EXPECT_EQ(std::size(contract), static_cast<std::size_t>(errc::worker_lost) + 1);
}

TEST(error_table, names_every_code_differently) {
  std::set<std::string_view> names;
  for (const auto& row : contract) EXPECT_TRUE(names.insert(row.wire).second) << row.wire;
}

result<int> half(int number) {
  if (number % 2 != 0) return fail(errc::unprocessable, "7 is odd");
  return number / 2;
}

TEST(result, holds_a_value_or_an_error) {
  ASSERT_TRUE(half(8).has_value());
  EXPECT_EQ(half(8).value(), 4);
  ASSERT_FALSE(half(7).has_value());
  EXPECT_EQ(half(7).error().code, errc::unprocessable);
  EXPECT_EQ(half(7).error().detail, "7 is odd");
}

TEST(result, names_the_error_when_one_is_taken_for_a_value) {
  try {
    static_cast<void>(half(7).value());
    FAIL() << "an error has no value";
  } catch (const std::logic_error& failure) {
    const std::string what = failure.what();
    EXPECT_NE(what.find("unprocessable"), std::string::npos) << what;
    EXPECT_NE(what.find("7 is odd"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace throughline
