// The text of one attempt as its worker keeps it until the finish is committed: all chunks with
// their boundaries, so that a log that was lost can be written again identically. Chunk 0 of an
// attempt after the first is its reset. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/chunk.hpp"

namespace throughline::engine {

class draft {
 public:
  /// `reset`: chunk 0 of an attempt after the first.
  explicit draft(std::optional<stream::chunk> reset);

  /// Adds text as one chunk, or several if it is larger than chunk_bytes_max.
  void add(bool is_reasoning, std::string_view text);

  [[nodiscard]] const std::string& content() const noexcept { return content_; }
  [[nodiscard]] const std::string& reasoning() const noexcept { return reasoning_; }
  [[nodiscard]] bool has_text() const noexcept { return !content_.empty() || !reasoning_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return content_.size() + reasoning_.size(); }
  /// Chunks so far, the reset included.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return resets_ + static_cast<std::uint32_t>(pieces_.size());
  }

  /// The chunks from index `first` on, `most` at most, the same at every call. Fast when `first` is
  /// where the last call ended.
  [[nodiscard]] std::vector<stream::chunk> chunks(std::uint32_t first, std::size_t most);

  /// The text of the chunks [from_index, size()).
  struct growth {
    std::uint32_t from_index = 0;
    std::string content;
    std::string reasoning;
  };
  [[nodiscard]] growth since(std::uint32_t first);

 private:
  /// Where a chunk's text begins in the two strings.
  struct cursor {
    std::uint32_t index = 0;
    std::size_t content_at = 0;
    std::size_t reasoning_at = 0;
  };
  void move_to(cursor& at, std::uint32_t index) const;

  std::optional<stream::chunk> reset_;
  std::uint32_t resets_;
  std::string content_;
  std::string reasoning_;
  std::vector<std::uint32_t> pieces_;  // size of each text chunk; the top bit marks reasoning
  cursor logged_;
  cursor saved_;
};

}  // namespace throughline::engine
