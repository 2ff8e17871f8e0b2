// When a failed attempt is tried again, and how long to wait: a pure function of the failure, of
// how often this task has failed before, and of what the provider asked for.
#pragma once

#include <optional>

#include "aio/backoff.hpp"
#include "provider/provider.hpp"

namespace throughline::engine {

struct retry_policy {
  aio::backoff backoff{milliseconds(500), milliseconds(30'000)};
  milliseconds retry_after_max{60'000};  // a provider that asks for more is asked again after this

  /// The delay before the next attempt, or nullopt: the failure is final (it cannot pass, or it was
  /// the last one in the budget). `failures_before` counts failures of this task before this one. A
  /// shortage of our own is never final.
  [[nodiscard]] std::optional<milliseconds> delay(const provider::completion_error& failure,
                                                  std::int64_t failures_before,
                                                  std::int64_t failures_max,
                                                  random_source& random) const;
};

/// The request was not even begun, for lack of something of this process (descriptors, a place in a
/// queue): `overloaded`. Not the model's doing, so it does not count against the task's budget.
[[nodiscard]] bool is_our_shortage(const provider::completion_error& failure);

/// Whether asking again makes sense, as the provider said or else as the code's table says.
[[nodiscard]] bool is_retryable(const provider::completion_error& failure);

}  // namespace throughline::engine
