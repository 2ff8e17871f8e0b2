#include "app/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace throughline::app {
namespace {

/// Of the free descriptors an eighth is kept back, within these bounds.
constexpr std::size_t kept_min = 12;
constexpr std::size_t kept_max = 1024;

}  // namespace

descriptor_limit raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  const bool is_raised = before == limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) == 0;
  return {before, is_raised ? limit.rlim_max : before};
}

std::size_t open_descriptors() {
  std::error_code ignored;
  std::filesystem::directory_iterator all("/proc/self/fd", ignored);
  const auto count = ignored ? 0 : std::distance(begin(all), end(all));
  return static_cast<std::size_t>(count);
}

std::size_t connections_within(std::size_t wished, std::size_t free_descriptors) {
  const auto kept = std::clamp(free_descriptors / 8, kept_min, kept_max);
  const auto room = free_descriptors > kept ? free_descriptors - kept : 1;
  return std::min(wished, room);
}

}  // namespace throughline::app
