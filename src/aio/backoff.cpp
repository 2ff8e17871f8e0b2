#include "aio/backoff.hpp"

#include <algorithm>

namespace throughline::aio {

std::chrono::milliseconds backoff::delay(int failures, random_source& random) const {
  const int doublings = std::clamp(failures - 1, 0, 20);
  const auto bound = std::min(most, first * (std::int64_t{1} << doublings));
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(random.uniform() * static_cast<double>(bound.count() + 1)));
}

}  // namespace throughline::aio
