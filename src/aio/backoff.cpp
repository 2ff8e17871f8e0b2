#include "aio/backoff.hpp"

#include <algorithm>

namespace throughline::aio {

std::chrono::milliseconds backoff::delay(int failures, random_source& random) const {
  auto bound = std::min(first, most);
  for (int i = 1; i < failures && bound < most; ++i) bound = std::min(bound * 2, most);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(random.uniform() * static_cast<double>(bound.count() + 1)));
}

}  // namespace throughline::aio
