#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <thread>
#include <vector>

namespace throughline {
namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> draw() {
  std::array<std::uint8_t, Size> bytes{};
  random_bytes(bytes);
  return bytes;
}

TEST(random_bytes, never_repeats_itself) {
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(draw<16>()).second);
}

TEST(random_bytes, differs_between_threads) {
  std::vector<std::array<std::uint8_t, 16>> first(8);
  {
    std::vector<std::thread> threads;
    for (auto& mine : first) threads.emplace_back([&mine] { mine = draw<16>(); });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), first.size());
}

TEST(random_bytes, fills_spans_of_every_size_and_not_more) {
  for (const std::size_t size : {0U, 1U, 7U, 16U, 1023U, 1024U, 1025U, 5000U}) {
    std::vector<std::uint8_t> bytes(size + 2, 0);
    std::set<std::uint8_t> last_values;
    for (int i = 0; i < 64; ++i) {
      random_bytes(std::span(bytes).subspan(1, size));
      ASSERT_EQ(bytes.front(), 0) << size;
      ASSERT_EQ(bytes.back(), 0) << size;
      last_values.insert(bytes[size]);
    }
    // Sixty-four draws of one byte are all alike once in 2^500.
    if (size > 0) EXPECT_GT(last_values.size(), 1U) << size;
  }
}

TEST(system_random, stays_between_zero_and_one_and_uses_all_of_it) {
  std::array<int, 10> tenths{};
  for (int i = 0; i < 10'000; ++i) {
    const double drawn = system_random().uniform();
    ASSERT_GE(drawn, 0.0);
    ASSERT_LT(drawn, 1.0);
    ++tenths[static_cast<std::size_t>(drawn * 10)];
  }
  // A thousand are expected in each; the standard deviation is thirty.
  for (const int count : tenths) EXPECT_NEAR(count, 1000, 300);
}

}  // namespace
}  // namespace throughline
