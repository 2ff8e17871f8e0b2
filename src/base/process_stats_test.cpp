#include "base/process_stats.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace throughline {
namespace {

TEST(process_stats, are_those_of_this_process) {
  const auto stats = read_process_stats(::getpid());
  ASSERT_TRUE(stats);
  EXPECT_GT(stats->cpu_s, 0);
  EXPECT_GT(stats->resident_bytes, 1024 * 1024);
  EXPECT_GE(stats->resident_bytes_most, stats->resident_bytes);
  EXPECT_GT(stats->descriptors_max, stats->descriptors);
  const auto now = system_clock().wall_now();
  EXPECT_LE(process_start(), now);
  EXPECT_GT(process_start(), now - std::chrono::hours(24));
}

TEST(process_stats, count_what_is_open) {
  const auto count = [] {
    return read_process_stats(::getpid())->descriptors;
  };
  const auto before = count();
  std::vector<int> opened;
  for (int i = 0; i < 3; ++i) opened.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(count(), before + 3);
  for (const int one : opened) ::close(one);
  EXPECT_EQ(count(), before);
}

TEST(process_stats, are_read_from_the_texts_of_proc) {
  const auto ticks =
      parse_stat("42 (a ) b (c) S 1 42 42 0 -1 4194560 11 12 13 14 250 37 0 0 20 0 4 0 100 1 2");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->user, 250);
  EXPECT_EQ(ticks->system, 37);
  EXPECT_EQ(ticks->start, 100);
  EXPECT_FALSE(parse_stat("42"));
  EXPECT_FALSE(parse_stat("42 (a) S 1 42 42 0 -1 4194560 11 12 13 14 250 37"));
  EXPECT_EQ(status_bytes("VmHWM:\t  300 kB\nVmRSS:\t  200 kB\n", "VmRSS"), 200 * 1024);
  EXPECT_EQ(status_bytes("", "VmRSS"), 0);
}

TEST(process_stats, grow_with_work) {
  const auto before = read_process_stats(::getpid());
  ASSERT_TRUE(before);
  EXPECT_GT(before->resident_bytes, 0);
  EXPECT_GT(before->descriptors, 2);
  // Until the clock has moved, however long that takes.
  double now = before->cpu_s;
  while (now <= before->cpu_s) now = read_process_stats(::getpid())->cpu_s;
  EXPECT_FALSE(read_process_stats(-1));
}

}  // namespace
}  // namespace throughline
