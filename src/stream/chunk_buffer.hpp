// The frames of one attempt in memory: segments, each one allocation, in which frames lie back to
// back exactly as they go on the wire. Bytes once written never change and never move, so a reader
// takes a view of them and a share of the segment, and sends many chunks in one gathered write
// without a copy. Used by memory_chunk_log, under its mutex; runs that were handed out may be read
// by any thread meanwhile.
//
//   segment = frame frame frame ... (free) ... start[2] start[1] start[0]
//
// The starts, four bytes each, are how frame i is found at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "stream/chunk_log.hpp"

namespace throughline::stream {

class chunk_buffer {
 public:
  /// Adds one whole frame; its index is count().
  void append(std::string_view frame);

  /// The runs of frames from index `first` to the end, at most `bytes_max` bytes but at least one
  /// frame. Empty if `first` is not below count().
  [[nodiscard]] std::vector<chunk_run> read(std::uint32_t first, std::size_t bytes_max) const;

  /// Gives the unused end of the last segment back. Worth its copy once nothing more will come.
  void trim();
  void clear();

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// What the segments take, free space and starts included. Segments that only readers still hold
  /// do not count.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct segment {
    std::shared_ptr<char[]> memory;
    std::uint32_t capacity = 0;
    std::uint32_t size = 0;  // of the frames
    std::uint32_t first_index = 0;
    std::uint32_t count = 0;

    [[nodiscard]] bool has_room_for(std::size_t frame_bytes) const noexcept;
    /// Where frame i of this segment starts; for i == count where the last one ends.
    [[nodiscard]] std::uint32_t start(std::uint32_t i) const noexcept;
    void set_start(std::uint32_t i, std::uint32_t offset) noexcept;
    /// As many frames from the i-th as fit in `bytes_max`; at least one if `even_if_too_large`.
    [[nodiscard]] chunk_run run(std::uint32_t i, std::size_t bytes_max,
                                bool even_if_too_large) const;
  };

  static segment make_segment(std::size_t capacity, std::uint32_t first_index);
  [[nodiscard]] std::size_t segment_of(std::uint32_t index) const noexcept;

  std::vector<segment> segments_;
  std::uint32_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace throughline::stream
