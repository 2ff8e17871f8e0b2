#include "load/process_stats.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace throughline::load {
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
  return count;
}

}  // namespace

std::optional<process_ticks> parse_stat(std::string_view text) {
  // The name in parentheses may hold anything, parentheses and blanks too.
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  constexpr int fields_before = 11;  // from the state to cmajflt
  for (int i = 0; i <= fields_before; ++i) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return process_ticks{leading_number(text.substr(0, blank)),
                       leading_number(text.substr(blank + 1))};
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
  return stats;
}

}  // namespace throughline::load
