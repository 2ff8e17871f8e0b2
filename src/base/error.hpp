// Expected outcomes are values: `result<T>` holds a T or an `error`, and an error is a code from
// one list plus a sentence that names what is wrong. `describe(errc)` is the one table from codes
// to the wire. Used by everything.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace throughline {

enum class errc : std::uint8_t {
  // The caller's doing.
  invalid_request,         // malformed JSON, a bad parameter, an unknown field; detail names it
  not_found,               // never existed, is deleted, or belongs to somebody else
  conflict,                // the state does not allow it (retry of a task that has not ended)
  idempotency_key_reused,  // same key, other request
  unprocessable,  // well-formed, but names something that does not exist (queue, model, parent)
  payload_too_large,
  forbidden,     // refused at the door: foreign Origin or Host
  unauthorized,  // without the access token, or with a wrong one
  method_not_allowed,
  unsupported_media_type,
  too_many_requests,
  request_timeout,        // the request did not arrive in time
  target_too_long,        // of HTTP: the request line is larger than a head may be
  head_too_large,         // of HTTP: the header fields are too large or too many
  expectation_failed,     // of HTTP: an Expect other than 100-continue
  not_implemented,        // of HTTP: a method or a transfer coding that the server does not know
  version_not_supported,  // of HTTP: neither 1.1 nor 1.0
  // Ours.
  overloaded,      // a bounded queue is full; try again
  unavailable,     // draining, or the database does not answer
  storage_full,    // no space left for the database
  storage_failed,  // the database refused or broke
  internal,        // a broken invariant
  cancelled,       // whoever waited has gone or stopped it
  // The provider's doing; what a failed answer says.
  provider_unreachable,   // DNS, connect, TLS
  provider_unavailable,   // 408 409 425 5xx, overloaded
  provider_rate_limited,  // 429
  provider_refused,       // 400 404 422: a retry cannot mend it
  provider_unauthorized,  // 401 403: key or permission
  provider_timeout,       // no first byte, a stall, or over the total limit
  provider_truncated,     // the stream ended without a finish reason
  provider_bad_response,  // HTML, oversized line, wrong content type, undecodable
  provider_error,         // an error in band, after a 200
  provider_missing,       // no provider serves the model of this answer
  worker_lost,            // the budget was spent on workers that died
};

struct error {
  errc code = errc::internal;
  std::string detail;                   // a sentence for people; never a secret, never message text
  std::chrono::seconds retry_after{0};  // when it makes sense to ask again; 0: as `code` says
};

template <class T>
using result = boost::system::result<T, error>;

/// What a code means on the wire.
struct error_description {
  int http_status;         // of a reply; errors of an answer never become a status and carry 502
  std::string_view code;   // stable, documented
  std::string_view title;  // short, for people
  bool retryable;          // the same request may succeed later without being changed
  std::chrono::seconds retry_after{1};  // if it may: when, unless the error knows better
};

[[nodiscard]] const error_description& describe(errc code) noexcept;

/// Makes `return fail(errc::not_found, "...")` work in any function that returns a result.
[[nodiscard]] inline error fail(errc code, std::string detail) {
  return {code, std::move(detail)};
}
[[nodiscard]] inline error fail(errc code, std::string detail, std::chrono::seconds retry_after) {
  return {code, std::move(detail), retry_after};
}

/// `result::value()` of an error throws this; only where a value was already checked may it be
/// called.
[[noreturn]] void throw_exception_from_error(const error& failure,
                                             const boost::source_location& where);

}  // namespace throughline
