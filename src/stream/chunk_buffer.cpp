#include "stream/chunk_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.hpp"

namespace throughline::stream {
namespace {

// A segment is as large as everything before it, within these bounds: short answers waste little,
// long ones need few segments.
constexpr std::size_t segment_bytes_min = 1024;
constexpr std::size_t segment_bytes_most = 16 * 1024;
constexpr std::size_t start_bytes = sizeof(std::uint32_t);

}  // namespace

bool chunk_buffer::segment::has_room_for(std::size_t frame_bytes) const noexcept {
  return size + frame_bytes + start_bytes * (count + std::size_t{1}) <= capacity;
}

std::uint32_t chunk_buffer::segment::start(std::uint32_t i) const noexcept {
  if (i == count) return size;
  std::uint32_t offset = 0;
  std::memcpy(&offset, memory.get() + capacity - start_bytes * (i + std::size_t{1}), start_bytes);
  return offset;
}

void chunk_buffer::segment::set_start(std::uint32_t i, std::uint32_t offset) noexcept {
  std::memcpy(memory.get() + capacity - start_bytes * (i + std::size_t{1}), &offset, start_bytes);
}

chunk_run chunk_buffer::segment::run(std::uint32_t i, std::size_t bytes_max,
                                     bool even_if_too_large) const {
  const std::uint32_t begin = start(i);
  std::uint32_t end = count;
  if (size - begin > bytes_max) {
    // The largest `end` whose frames still fit.
    std::uint32_t low = i;
    while (low + 1 < end) {
      const std::uint32_t middle = low + (end - low) / 2;
      (start(middle) - begin <= bytes_max ? low : end) = middle;
    }
    end = low;
    if (end == i && even_if_too_large) end = i + 1;
  }
  chunk_run result;
  if (end == i) return result;
  result.owner = std::shared_ptr<const void>(memory, memory.get());
  result.frames = std::string_view(memory.get() + begin, start(end) - begin);
  result.first_index = first_index + i;
  result.count = end - i;
  return result;
}

chunk_buffer::segment chunk_buffer::make_segment(std::size_t capacity, std::uint32_t first_index) {
  THROUGHLINE_ASSERT(capacity <= std::numeric_limits<std::uint32_t>::max());
  segment fresh;
  fresh.memory = std::make_shared_for_overwrite<char[]>(capacity);
  fresh.capacity = static_cast<std::uint32_t>(capacity);
  fresh.first_index = first_index;
  return fresh;
}

void chunk_buffer::append(std::string_view frame) {
  if (segments_.empty() || !segments_.back().has_room_for(frame.size())) {
    const auto usual = std::clamp(bytes_, segment_bytes_min, segment_bytes_most);
    auto fresh = make_segment(std::max(usual, frame.size() + start_bytes), count_);
    bytes_ += fresh.capacity;
    segments_.push_back(std::move(fresh));
  }
  auto& last = segments_.back();
  std::memcpy(last.memory.get() + last.size, frame.data(), frame.size());
  last.set_start(last.count, last.size);
  last.size += static_cast<std::uint32_t>(frame.size());
  ++last.count;
  ++count_;
}

std::size_t chunk_buffer::segment_of(std::uint32_t index) const noexcept {
  // Readers are nearly always at the end.
  if (index >= segments_.back().first_index) return segments_.size() - 1;
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), index,
                                      [](std::uint32_t wanted, const segment& candidate) {
                                        return wanted < candidate.first_index;
                                      });
  return static_cast<std::size_t>(after - segments_.begin()) - 1;
}

std::vector<chunk_run> chunk_buffer::read(std::uint32_t first, std::size_t bytes_max) const {
  std::vector<chunk_run> runs;
  if (first >= count_) return runs;
  std::size_t left = bytes_max;
  std::uint32_t index = first;
  for (std::size_t i = segment_of(first); i < segments_.size(); ++i) {
    auto run = segments_[i].run(index - segments_[i].first_index, left, runs.empty());
    if (run.count == 0) break;
    index += run.count;
    left -= std::min(left, run.frames.size());
    const bool is_cut = index != segments_[i].first_index + segments_[i].count;
    runs.push_back(std::move(run));
    if (is_cut) break;
  }
  return runs;
}

void chunk_buffer::trim() {
  if (segments_.empty()) return;
  auto& last = segments_.back();
  const std::size_t needed = last.size + start_bytes * last.count;
  if (needed == last.capacity) return;
  auto exact = make_segment(needed, last.first_index);
  exact.size = last.size;
  exact.count = last.count;
  std::memcpy(exact.memory.get(), last.memory.get(), last.size);
  for (std::uint32_t i = 0; i < last.count; ++i) exact.set_start(i, last.start(i));
  bytes_ -= last.capacity - exact.capacity;
  last = std::move(exact);
}

void chunk_buffer::clear() {
  segments_.clear();
  count_ = 0;
  bytes_ = 0;
}

}  // namespace throughline::stream
