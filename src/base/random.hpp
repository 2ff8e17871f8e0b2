// The one source of randomness. `random_bytes` is for ids and tokens (the kernel's generator,
// buffered per thread); `random_source` is for jitter, and tests pass one of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace throughline {

/// Fills the span from the kernel's generator. Thread-safe; ends the process if the kernel has none
/// to give.
void random_bytes(std::span<std::uint8_t> out);

class random_source {
 public:
  virtual ~random_source() = default;
  /// Evenly distributed in [0, 1). Thread-safe.
  virtual double uniform() = 0;
};

/// The process's own source.
random_source& system_random();

}  // namespace throughline
