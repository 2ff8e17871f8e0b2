#include "base/process_stats.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace throughline {
namespace {

TEST(process_stats, are_those_of_this_process) {
  const auto stats = read_process_stats();
  EXPECT_GT(stats.cpu.count(), 0);
  EXPECT_GT(stats.resident_bytes, 1024 * 1024);
  EXPECT_GT(stats.descriptors_max, stats.open_descriptors);
  const auto now = system_clock().wall_now();
  EXPECT_LE(stats.started, now);
  EXPECT_GT(stats.started, now - std::chrono::hours(24));
}

TEST(process_stats, count_what_is_open) {
  const auto before = read_process_stats().open_descriptors;
  std::vector<int> opened;
  for (int i = 0; i < 3; ++i) opened.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_process_stats().open_descriptors, before + 3);
  for (const int one : opened) ::close(one);
  EXPECT_EQ(read_process_stats().open_descriptors, before);
}

}  // namespace
}  // namespace throughline
