// Exponential backoff with full jitter, as a pure function of the failure count and a random
// number.
#pragma once

#include <chrono>

#include "base/random.hpp"

namespace throughline::aio {

struct backoff {
  std::chrono::milliseconds first{500};    // upper bound of the first delay
  std::chrono::milliseconds most{30'000};  // upper bound of every delay

  /// The delay before the try after `failures` failures (>= 1): evenly distributed in [0, min(most,
  /// first * 2^(failures-1))].
  [[nodiscard]] std::chrono::milliseconds delay(int failures, random_source& random) const;
};

}  // namespace throughline::aio
