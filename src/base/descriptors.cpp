#include "base/descriptors.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <iterator>

namespace throughline {

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

}  // namespace throughline
