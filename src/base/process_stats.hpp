// What a process costs, as the kernel counts it: CPU time, memory, descriptors. For /metrics, and
// for the load test, which looks at the server and the mock model too. Takes as long as it takes to
// list the open descriptors: not for a loop that serves connections.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace throughline {

struct process_stats {
  double cpu_s = 0;       // of all its threads, those that have ended included
  double cpu_user_s = 0;  // of these; in hundredths of a second
  double cpu_system_s = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t resident_bytes_most = 0;
  std::int64_t descriptors = -1;  // open; -1: not ours to see
  std::int64_t descriptors_max = 0;
};

/// nullopt if there is no such process. What cannot be read is as above. Any thread.
[[nodiscard]] std::optional<process_stats> read_process_stats(pid_t process);

/// When this process began; the same at each call.
[[nodiscard]] wall_time process_start();

/// Clock ticks, from the text of /proc/PID/stat. Pure.
struct process_ticks {
  std::int64_t user = 0;
  std::int64_t system = 0;
  std::int64_t start = 0;  // since the machine was started
};
[[nodiscard]] std::optional<process_ticks> parse_stat(std::string_view text);
/// A value in kB of /proc/PID/status, in bytes; 0 if it is not there. Pure.
[[nodiscard]] std::int64_t status_bytes(std::string_view text, std::string_view name);

}  // namespace throughline
