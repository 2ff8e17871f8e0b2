#include "base/process_stats.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <string>

namespace throughline {
namespace {

std::chrono::nanoseconds to_time(const timeval& value) {
  return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
}

std::int64_t read_resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

std::int64_t count_descriptors() {
  struct closer {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, closer> directory(opendir("/proc/self/fd"));
  if (!directory) return 0;
  std::int64_t count = -3;  // `.`, `..`, and the one of the directory
  while (readdir(directory.get()) != nullptr) ++count;
  return count;
}

/// In ticks since the machine was started: the twenty-second field, and the second is the program's
/// name in brackets, which may hold anything.
std::int64_t read_start_ticks() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  auto at = line.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoll(line.c_str() + at, nullptr, 10);
}

wall_time read_start() {
  const auto ticks = read_start_ticks();
  timespec up{};
  if (ticks == 0 || clock_gettime(CLOCK_BOOTTIME, &up) != 0) return system_clock().wall_now();
  const auto age = std::chrono::seconds(up.tv_sec) + std::chrono::nanoseconds(up.tv_nsec) -
                   milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK));
  return system_clock().wall_now() - std::chrono::duration_cast<milliseconds>(age);
}

}  // namespace

process_stats read_process_stats() {
  static const wall_time started = read_start();
  process_stats out;
  out.started = started;
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) out.cpu = to_time(used.ru_utime) + to_time(used.ru_stime);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    out.descriptors_max = static_cast<std::int64_t>(limit.rlim_cur);
  }
  out.resident_bytes = read_resident_bytes();
  out.open_descriptors = count_descriptors();
  return out;
}

}  // namespace throughline
