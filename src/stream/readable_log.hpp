// What of a log lies in memory for its readers: the frames of one attempt, and what a read answers
// from them. Both kinds of log are made of it: the memory log as the log itself, the Redis log as
// the copy of a log that is followed. No lock of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "stream/chunk_buffer.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::stream {

/// Consecutive chunks as frames, encoded before a log's lock is taken.
struct encoded_chunks {
  std::string frames;
  std::vector<std::size_t> ends;  // where each frame ends
  bool is_terminal = false;       // the last one is

  /// In place of what it held; its memory is used again. The terminal chunk, if any, is the last.
  void encode(std::uint32_t attempt, std::uint32_t first_index, std::span<const chunk> chunks);
  void clear();
  /// Adds the chunk whose JSON this is. False, and nothing has happened: it is not a chunk with
  /// this position, or the one before it was terminal.
  [[nodiscard]] bool add_stored(position at, std::string_view json);

  [[nodiscard]] std::size_t size() const noexcept { return ends.size(); }
};

struct readable_log {
  bool exists = false;
  std::uint32_t fence_attempt = 0;
  std::uint32_t attempt = 0;  // of `chunks`; 0: nothing has been appended yet
  bool ended = false;         // the last of `chunks` is terminal
  chunk_buffer chunks;

  /// Appends what `more` has from its `skip`-th chunk on, of which `first_index` is the index. A
  /// newer attempt takes the place of the one before.
  void append(std::uint32_t of_attempt, std::uint32_t first_index, std::size_t skip,
              const encoded_chunks& more, steady_time now);
  /// As chunk_log::read().
  [[nodiscard]] read_result read(std::optional<position> after, std::size_t bytes_max) const;

 private:
  /// When chunk `index` was appended: the first append after somebody has read what was sampled
  /// before. So it tells how long the slowest chunk of a read has waited for its first reader.
  mutable struct {
    std::uint32_t index = 0;
    bool was_read = true;
    steady_time at;
  } sample_;
};

}  // namespace throughline::stream
