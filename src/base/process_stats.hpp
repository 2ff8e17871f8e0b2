// What the kernel knows of this process, for /metrics. Takes as long as it takes to list the open
// descriptors: not for a loop that serves connections.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.hpp"

namespace throughline {

struct process_stats {
  std::chrono::nanoseconds cpu{};  // user and system
  std::int64_t resident_bytes = 0;
  std::int64_t open_descriptors = 0;
  std::int64_t descriptors_max = 0;
  wall_time started;
};

/// What cannot be read is zero. Any thread.
[[nodiscard]] process_stats read_process_stats();

}  // namespace throughline
