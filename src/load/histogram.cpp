#include "load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace throughline::load {

std::size_t histogram::bucket_of(std::uint64_t value) noexcept {
  constexpr std::uint64_t largest = (std::uint64_t{1} << value_bits) - 1;
  value = std::min(value, largest);
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= precise_bits) return value;
  // The leading one and the seven bits behind it.
  const unsigned shift = width - precise_bits - 1;
  return (std::size_t{shift} << precise_bits) + (value >> shift);
}

std::int64_t histogram::top_of(std::size_t bucket) noexcept {
  if (bucket < (std::size_t{2} << precise_bits)) return static_cast<std::int64_t>(bucket);
  const auto shift = (bucket >> precise_bits) - 1;
  const auto leading = bucket - (shift << precise_bits);
  return static_cast<std::int64_t>(((leading + 1) << shift) - 1);
}

void histogram::record(std::int64_t nanoseconds) noexcept {
  const auto value = std::max<std::int64_t>(0, nanoseconds);
  ++counts_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void histogram::add(const histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double histogram::mean() const noexcept {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::int64_t histogram::quantile(double share) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
  auto left = std::clamp<std::int64_t>(wanted, 1, count_);
  for (std::size_t i = 0; i < buckets; ++i) {
    left -= static_cast<std::int64_t>(counts_[i]);
    if (left <= 0) return std::min(top_of(i), max_);
  }
  return max_;
}

}  // namespace throughline::load
