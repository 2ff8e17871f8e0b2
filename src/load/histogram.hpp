// Times in buckets of less than one per cent: what a load test records without allocating and
// without sorting. Used by the load test and by the mock model for its own punctuality. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace throughline::load {

/// Counts values from 0 to about 18 minutes in nanoseconds; smaller ones count as 0, larger ones
/// as the largest.
class histogram {
 public:
  void record(std::int64_t nanoseconds) noexcept;
  void add(const histogram& other) noexcept;

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  /// 0 while nothing is recorded; so are all of the following.
  [[nodiscard]] std::int64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  /// The smallest recorded value, up to one per cent more, that `share` (0 to 1) of all values do
  /// not exceed; never more than max().
  [[nodiscard]] std::int64_t quantile(double share) const noexcept;

 private:
  static constexpr unsigned precise_bits = 7;  // 128 buckets for each power of two
  static constexpr unsigned value_bits = 40;
  static constexpr std::size_t buckets = (value_bits - precise_bits + 1) << precise_bits;

  static std::size_t bucket_of(std::uint64_t value) noexcept;
  /// The largest value of a bucket.
  static std::int64_t top_of(std::size_t bucket) noexcept;

  std::array<std::uint64_t, buckets> counts_{};
  std::int64_t count_ = 0;
  std::int64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace throughline::load
