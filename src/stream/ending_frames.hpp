// The frames that serve an ending from the database, made page by page: a reset if the reader's
// text is void, the reasoning and the content in pieces, and the stored terminal chunk under its
// real id. Used by follower_logic.
//
//   pages = [reset: index -1, id 0-0] {piece: index 0 1 2 ..., no id} terminal: its own id
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "stream/chunk_log.hpp"
#include "stream/task_endings.hpp"

namespace throughline::stream {

/// A reset that is not part of a log: index -1, id `0-0`. `attempt` is the one whose text follows.
[[nodiscard]] chunk_run unlogged_reset(std::uint32_t attempt, std::string_view reason);

class ending_frames {
 public:
  /// The most text in one piece, in bytes.
  static constexpr std::size_t piece_bytes_max = std::size_t{64} * 1024;

  /// `reset_reason` is a literal; nullopt: no reset.
  ending_frames(stored_ending ending, std::optional<std::string_view> reset_reason);

  /// The next runs, about `bytes_max` bytes but at least one frame. REQUIRES: not is_over().
  [[nodiscard]] std::vector<chunk_run> next_page(std::size_t bytes_max);

  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  [[nodiscard]] position terminal_at() const noexcept { return ending_.terminal_at; }

 private:
  /// Appends one piece of `text` from `sent` on; false if there is none left.
  bool append_piece(std::string& out, chunk_type type, std::string_view text, std::size_t& sent,
                    std::size_t bytes_max);

  stored_ending ending_;
  std::optional<std::string_view> reset_reason_;
  std::size_t reasoning_sent_ = 0;
  std::size_t content_sent_ = 0;
  std::uint32_t pieces_ = 0;
  bool is_over_ = false;
};

}  // namespace throughline::stream
