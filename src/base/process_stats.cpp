#include "base/process_stats.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace throughline {
namespace {

constexpr std::int64_t kibi = 1024;

std::string read_proc(pid_t process, std::string_view name) {
  std::ifstream in(fmt::format("/proc/{}/{}", process, name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::int64_t leading_number(std::string_view text) {
  const auto begin = std::min(text.find_first_of("0123456789"), text.size());
  std::int64_t number = 0;
  std::from_chars(text.data() + begin, text.data() + text.size(), number);
  return number;
}

std::int64_t count_descriptors(pid_t process) {
  std::error_code failed;
  std::filesystem::directory_iterator entries(fmt::format("/proc/{}/fd", process), failed);
  if (failed) return -1;
  std::int64_t count = 0;
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    ++count;
  }
  // Of this process one is the directory itself.
  return process == ::getpid() ? count - 1 : count;
}

wall_time read_start() {
  const auto ticks = parse_stat(read_proc(::getpid(), "stat"));
  timespec up{};
  if (!ticks || ::clock_gettime(CLOCK_BOOTTIME, &up) != 0) return system_clock().wall_now();
  const auto age = std::chrono::seconds(up.tv_sec) + std::chrono::nanoseconds(up.tv_nsec) -
                   milliseconds(ticks->start * 1000 / ::sysconf(_SC_CLK_TCK));
  return system_clock().wall_now() - std::chrono::duration_cast<milliseconds>(age);
}

}  // namespace

std::optional<process_ticks> parse_stat(std::string_view text) {
  // The name in parentheses may hold anything, parentheses and blanks too.
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  process_ticks ticks;
  // The fields behind it, by their number in proc(5).
  for (int field = 3; field <= 22; ++field) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
    if (field == 14) ticks.user = leading_number(text);
    if (field == 15) ticks.system = leading_number(text);
    if (field == 22) ticks.start = leading_number(text);
  }
  return ticks;
}

std::int64_t status_bytes(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return leading_number(line.substr(name.size())) * kibi;
    }
  }
  return 0;
}

std::optional<process_stats> read_process_stats(pid_t process) {
  const auto ticks = parse_stat(read_proc(process, "stat"));
  if (!ticks) return std::nullopt;
  process_stats stats;
  const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.cpu_user_s = static_cast<double>(ticks->user) / per_second;
  stats.cpu_system_s = static_cast<double>(ticks->system) / per_second;
  stats.cpu_s = stats.cpu_user_s + stats.cpu_system_s;
  // Ticks are hundredths of a second; the process's clock knows better.
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(process, &clock) == 0 && ::clock_gettime(clock, &time) == 0) {
    stats.cpu_s = static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  const auto status = read_proc(process, "status");
  stats.resident_bytes = status_bytes(status, "VmRSS");
  stats.resident_bytes_most = status_bytes(status, "VmHWM");
  stats.descriptors = count_descriptors(process);
  rlimit limit{};
  if (::prlimit(process, RLIMIT_NOFILE, nullptr, &limit) == 0) {
    stats.descriptors_max = static_cast<std::int64_t>(limit.rlim_cur);
  }
  return stats;
}

wall_time process_start() {
  static const wall_time start = read_start();
  return start;
}

}  // namespace throughline
