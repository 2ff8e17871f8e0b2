#include "load/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace throughline::load {
namespace {

TEST(histogram, says_nothing_of_nothing) {
  const histogram empty;
  EXPECT_EQ(empty.count(), 0);
  EXPECT_EQ(empty.quantile(0.5), 0);
  EXPECT_EQ(empty.max(), 0);
  EXPECT_EQ(empty.mean(), 0);
}

TEST(histogram, is_exact_for_small_values) {
  histogram of;
  for (int i = 1; i <= 100; ++i) of.record(i);
  EXPECT_EQ(of.quantile(0.5), 50);
  EXPECT_EQ(of.quantile(0.99), 99);
  EXPECT_EQ(of.quantile(0), 1);
  EXPECT_EQ(of.quantile(1), 100);
  EXPECT_EQ(of.mean(), 50.5);
}

TEST(histogram, is_within_a_hundredth_of_the_sorted_values) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> times(12, 3);  // from nanoseconds to minutes
  histogram of;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::min(static_cast<std::int64_t>(times(random)), std::int64_t{1} << 39);
    values.push_back(value);
    of.record(value);
  }
  std::ranges::sort(values);
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact =
        values[static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1];
    EXPECT_GE(of.quantile(share), exact) << share;
    EXPECT_LE(static_cast<double>(of.quantile(share)), static_cast<double>(exact) * 1.01 + 1)
        << share;
  }
  EXPECT_EQ(of.max(), values.back());
}

TEST(histogram, takes_what_lies_outside_of_its_range) {
  histogram of;
  of.record(-5);
  EXPECT_EQ(of.quantile(1), 0);
  of.record(std::int64_t{1} << 60);
  EXPECT_EQ(of.max(), std::int64_t{1} << 60);
  EXPECT_EQ(of.count(), 2);
  EXPECT_GT(of.quantile(1), std::int64_t{1} << 39);
}

TEST(histogram, adds_up) {
  histogram a;
  histogram b;
  a.record(10);
  b.record(1'000'000);
  a.add(b);
  EXPECT_EQ(a.count(), 2);
  EXPECT_EQ(a.quantile(0.5), 10);
  EXPECT_EQ(a.quantile(1), 1'000'000);
}

}  // namespace
}  // namespace throughline::load
