#include "engine/retry_policy.hpp"

#include <algorithm>

namespace throughline::engine {

namespace {
constexpr milliseconds shortage_delay{1000};
}  // namespace

bool is_retryable(const provider::completion_error& failure) {
  return failure.retryable.value_or(describe(failure.what.code).retryable);
}

bool is_our_shortage(const provider::completion_error& failure) {
  return failure.what.code == errc::overloaded;
}

std::optional<milliseconds> retry_policy::delay(const provider::completion_error& failure,
                                                std::int64_t failures_before,
                                                std::int64_t failures_max,
                                                random_source& random) const {
  if (is_our_shortage(failure)) {
    const double spread = random.uniform();
    return shortage_delay + milliseconds(static_cast<int>(spread * shortage_delay.count()));
  }
  const std::int64_t failures = failures_before + 1;
  if (!is_retryable(failure) || failures >= failures_max) return std::nullopt;
  const auto jittered = backoff.delay(static_cast<int>(failures), random);
  if (!failure.retry_after) return jittered;
  // The provider's wish is a lower bound; a little jitter on top keeps many tasks from coming back
  // in one moment.
  const auto asked = std::clamp(*failure.retry_after, milliseconds(0), retry_after_max);
  return asked + std::min(jittered, milliseconds(250));
}

}  // namespace throughline::engine
