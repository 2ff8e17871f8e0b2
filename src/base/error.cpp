#include "base/error.hpp"

#include <array>
#include <stdexcept>

#include <fmt/format.h>

namespace throughline {
namespace {

using std::chrono::seconds;

struct entry {
  errc code;
  error_description description;
};

constexpr std::array table{
    entry{errc::invalid_request, {400, "invalid_request", "The request is not valid", false}},
    entry{errc::not_found, {404, "not_found", "There is no such thing here", false}},
    entry{errc::conflict, {409, "conflict", "The current state does not allow this", false}},
    entry{errc::idempotency_key_reused,
          {422, "idempotency_key_reused", "The idempotency key belongs to another request", false}},
    entry{errc::unprocessable,
          {422, "unprocessable", "The request names something unknown", false}},
    entry{errc::payload_too_large, {413, "payload_too_large", "The request is too large", false}},
    entry{errc::forbidden, {403, "forbidden", "The request is refused", false}},
    entry{errc::unauthorized, {401, "unauthorized", "The access token is missing or wrong", false}},
    entry{errc::method_not_allowed,
          {405, "method_not_allowed", "The method is not allowed here", false}},
    entry{errc::unsupported_media_type,
          {415, "unsupported_media_type", "The body must be application/json", false}},
    entry{errc::too_many_requests, {429, "too_many_requests", "Too many requests", true}},
    entry{errc::request_timeout,
          {408, "request_timeout", "The request did not arrive in time", true}},
    entry{errc::target_too_long, {414, "target_too_long", "The request line is too long", false}},
    entry{errc::head_too_large, {431, "head_too_large", "The header fields are too large", false}},
    entry{errc::expectation_failed,
          {417, "expectation_failed", "The expectation cannot be met", false}},
    entry{errc::not_implemented, {501, "not_implemented", "This is not implemented", false}},
    entry{errc::version_not_supported,
          {505, "version_not_supported", "This version of HTTP is not supported", false}},
    entry{errc::overloaded, {503, "overloaded", "The server is overloaded", true, seconds(2)}},
    entry{errc::unavailable, {503, "unavailable", "The server is not available", true}},
    entry{errc::storage_full,
          {507, "storage_full", "There is no space left to store this", true, seconds(10)}},
    entry{errc::storage_failed, {503, "storage_failed", "The database could not do this", true}},
    entry{errc::internal, {500, "internal", "The server made a mistake", true}},
    entry{errc::cancelled, {499, "cancelled", "The request was cancelled", true}},
    entry{errc::provider_unreachable,
          {502, "provider_unreachable", "The model could not be reached", true}},
    entry{errc::provider_unavailable,
          {502, "provider_unavailable", "The model is not available", true}},
    entry{errc::provider_rate_limited,
          {502, "provider_rate_limited", "The model asks to slow down", true}},
    entry{errc::provider_refused,
          {502, "provider_refused", "The model refused the request", false}},
    entry{errc::provider_unauthorized,
          {502, "provider_unauthorized", "The model did not accept the key", false}},
    entry{errc::provider_timeout, {502, "provider_timeout", "The model took too long", true}},
    entry{errc::provider_truncated,
          {502, "provider_truncated", "The model broke off in the middle", true}},
    entry{errc::provider_bad_response,
          {502, "provider_bad_response", "The model's reply could not be read", true}},
    entry{errc::provider_error, {502, "provider_error", "The model reported an error", true}},
    entry{errc::provider_missing,
          {502, "provider_missing", "No provider serves this model", false}},
    entry{errc::worker_lost, {502, "worker_lost", "The workers writing this answer died", true}},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].code) != i) return false;
  }
  return table.size() == static_cast<std::size_t>(errc::worker_lost) + 1;
}
static_assert(in_order(), "the table has one entry for each code, in their order");

}  // namespace

const error_description& describe(errc code) noexcept {
  return table[static_cast<std::size_t>(code)].description;
}

void throw_exception_from_error(const error& failure, const boost::source_location& where) {
  throw std::logic_error(fmt::format("{}:{}: the error {} ({}) was taken for a value",
                                     where.file_name(), where.line(), describe(failure.code).code,
                                     failure.detail));
}

}  // namespace throughline
