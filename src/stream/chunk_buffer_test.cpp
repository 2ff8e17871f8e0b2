#include "stream/chunk_buffer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace throughline::stream {
namespace {

std::string joined(const std::vector<chunk_run>& runs) {
  std::string all;
  for (const auto& run : runs) all += run.frames;
  return all;
}

/// Frames of all sizes, so that segments are left by large ones and filled exactly by others.
std::vector<std::string> some_frames(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = random() % 50 == 0 ? 1 + random() % 40'000 : 1 + random() % 120;
    frames.push_back(std::to_string(i) + std::string(size, 'x') + "\n\n");
  }
  return frames;
}

TEST(chunk_buffer, returns_every_frame_from_every_index_within_every_bound) {
  const auto frames = some_frames(600, 1);
  chunk_buffer buffer;
  for (const auto& frame : frames) buffer.append(frame);
  ASSERT_EQ(buffer.count(), frames.size());
  for (std::uint32_t first = 0; first < frames.size(); first += 7) {
    for (const std::size_t bytes_max : {0, 1, 100, 1000, 20'000, 1'000'000'000}) {
      const auto runs = buffer.read(first, bytes_max);
      ASSERT_FALSE(runs.empty());
      std::uint32_t index = first;
      std::string expected;
      for (const auto& run : runs) {
        ASSERT_EQ(run.first_index, index);
        for (std::uint32_t i = 0; i < run.count; ++i) expected += frames[index++];
      }
      ASSERT_EQ(joined(runs), expected);
      ASSERT_TRUE(expected.size() <= bytes_max || index == first + 1);
      const bool is_whole = index == frames.size();
      ASSERT_TRUE(is_whole || expected.size() + frames[index].size() > bytes_max)
          << "one more frame would have fitted";
    }
  }
}

TEST(chunk_buffer, has_nothing_beyond_its_end) {
  chunk_buffer buffer;
  EXPECT_TRUE(buffer.read(0, 100).empty());
  buffer.append("a\n\n");
  EXPECT_TRUE(buffer.read(1, 100).empty());
  EXPECT_TRUE(buffer.read(4'000'000'000U, 100).empty());
}

TEST(chunk_buffer, frames_handed_out_stay_what_they_are) {
  const auto frames = some_frames(300, 2);
  std::vector<std::vector<chunk_run>> held;
  {
    chunk_buffer buffer;
    for (const auto& frame : frames) {
      buffer.append(frame);
      held.push_back(buffer.read(buffer.count() - 1, 1));
    }
    buffer.trim();
    EXPECT_EQ(joined(buffer.read(0, 1'000'000'000)).substr(0, frames[0].size()), frames[0]);
    buffer.clear();
    EXPECT_EQ(buffer.count(), 0U);
    EXPECT_EQ(buffer.bytes(), 0U);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_EQ(joined(held[i]), frames[i]);
}

TEST(chunk_buffer, trimmed_takes_its_frames_and_four_bytes_for_each) {
  chunk_buffer buffer;
  const std::string frame(60, 'x');
  for (int i = 0; i < 10; ++i) buffer.append(frame);
  EXPECT_EQ(buffer.bytes(), 1024U);
  buffer.trim();
  EXPECT_EQ(buffer.bytes(), 10 * (frame.size() + 4));
  buffer.append(frame);  // goes into a new segment
  EXPECT_EQ(buffer.read(9, 1000).size(), 2U);
}

TEST(chunk_buffer, a_large_frame_gets_a_segment_of_its_size) {
  chunk_buffer buffer;
  buffer.append(std::string(3'000'000, 'x'));
  EXPECT_EQ(buffer.bytes(), 3'000'004U);
  buffer.append("y");
  EXPECT_EQ(joined(buffer.read(1, 10)), "y");
}

}  // namespace
}  // namespace throughline::stream
