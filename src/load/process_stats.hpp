// What a process costs, as the kernel counts it: CPU time, memory, descriptors; and which process
// listens on a port. Linux's /proc. Used by the load test for the server, the mock model and
// itself.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::load {

struct process_stats {
  double cpu_s = 0;       // of all its threads, those that have ended included
  double cpu_user_s = 0;  // of these; in hundredths of a second
  double cpu_system_s = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t resident_bytes_most = 0;
  std::int64_t descriptors = -1;  // -1: not ours to see
};

/// nullopt if there is no such process.
[[nodiscard]] std::optional<process_stats> read_process_stats(pid_t process);

/// User and system time in clock ticks, from the text of /proc/PID/stat. Pure.
struct process_ticks {
  std::int64_t user = 0;
  std::int64_t system = 0;
};
[[nodiscard]] std::optional<process_ticks> parse_stat(std::string_view text);
/// A value in kB of /proc/PID/status, in bytes; 0 if it is not there. Pure.
[[nodiscard]] std::int64_t status_bytes(std::string_view text, std::string_view name);

}  // namespace throughline::load
