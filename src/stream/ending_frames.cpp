#include "stream/ending_frames.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "base/utf8.hpp"

namespace throughline::stream {
namespace {

constexpr std::size_t utf8_character_bytes_max = 4;

chunk_run make_run(std::string frames, std::uint32_t first_index, std::uint32_t count) {
  chunk_run run;
  const auto owner = std::make_shared<const std::string>(std::move(frames));
  run.owner = owner;
  run.frames = *owner;
  run.first_index = first_index;
  run.count = count;
  return run;
}

}  // namespace

chunk_run unlogged_reset(std::uint32_t attempt, std::string_view reason) {
  chunk reset;
  reset.type = chunk_type::reset;
  reset.fields = R"(,"attempt":)" + std::to_string(attempt) + R"(,"reason":")";
  reset.fields += reason;
  reset.fields += '"';
  std::string frame;
  encode_unlogged_frame(frame, -1, reset);
  return make_run(std::move(frame), 0, 1);
}

ending_frames::ending_frames(stored_ending ending, std::optional<std::string_view> reset_reason)
    : ending_(std::move(ending)), reset_reason_(reset_reason) {}

std::vector<chunk_run> ending_frames::next_page(std::size_t bytes_max) {
  THROUGHLINE_ASSERT(!is_over_);
  std::vector<chunk_run> runs;
  if (reset_reason_) {
    runs.push_back(unlogged_reset(ending_.terminal_at.attempt, *reset_reason_));
    reset_reason_.reset();
  }

  const std::uint32_t first = pieces_;
  const std::size_t piece_max = std::clamp(bytes_max, utf8_character_bytes_max, piece_bytes_max);
  std::string frames;
  bool is_text_left = true;
  do {
    is_text_left =
        append_piece(frames, chunk_type::reasoning, ending_.reasoning, reasoning_sent_,
                     piece_max) ||
        append_piece(frames, chunk_type::content, ending_.content, content_sent_, piece_max);
  } while (is_text_left && frames.size() < bytes_max);
  if (pieces_ > first) runs.push_back(make_run(std::move(frames), first, pieces_ - first));

  if (!is_text_left) {
    std::string frame;
    encode_chunk_frame(frame, ending_.terminal_at, ending_.terminal);
    runs.push_back(make_run(std::move(frame), ending_.terminal_at.index, 1));
    is_over_ = true;
  }
  return runs;
}

bool ending_frames::append_piece(std::string& out, chunk_type type, std::string_view text,
                                 std::size_t& sent, std::size_t bytes_max) {
  const auto rest = text.substr(sent);
  if (rest.empty()) return false;
  // Text that is not UTF-8 after all still goes out, piece by piece.
  const std::size_t whole = utf8_prefix(rest, bytes_max);
  const std::size_t size = whole > 0 ? whole : std::min(rest.size(), bytes_max);
  chunk piece;
  piece.type = type;
  piece.content = rest.substr(0, size);
  encode_unlogged_frame(out, pieces_++, piece);
  sent += size;
  return true;
}

}  // namespace throughline::stream
