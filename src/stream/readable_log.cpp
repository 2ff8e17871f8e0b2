#include "stream/readable_log.hpp"

#include <limits>
#include <string_view>

#include "base/assert.hpp"

namespace throughline::stream {
namespace {

// The buffer that appends of a thread encode into keeps its memory up to this size.
constexpr std::size_t scratch_bytes_kept = 64 * 1024;

}  // namespace

void encoded_chunks::clear() {
  if (frames.capacity() > scratch_bytes_kept) frames = std::string();
  frames.clear();
  ends.clear();
  is_terminal = false;
}

void encoded_chunks::encode(std::uint32_t attempt, std::uint32_t first_index,
                            std::span<const chunk> chunks) {
  THROUGHLINE_ASSERT(chunks.size() < std::numeric_limits<std::uint32_t>::max() - first_index);
  clear();
  auto index = first_index;
  for (const chunk& each : chunks) {
    THROUGHLINE_ASSERT(!is_terminal);  // the terminal chunk is the last
    encode_chunk_frame(frames, position{attempt, index++}, each);
    ends.push_back(frames.size());
    is_terminal = stream::is_terminal(each.type);
  }
}

bool encoded_chunks::add_stored(position at, std::string_view json) {
  const auto type = type_of_stored(json, at.index);
  if (!type || is_terminal) return false;
  encode_stored_frame(frames, at, json);
  ends.push_back(frames.size());
  is_terminal = stream::is_terminal(*type);
  return true;
}

void readable_log::append(std::uint32_t of_attempt, std::uint32_t first_index, std::size_t skip,
                          const encoded_chunks& more, steady_time now) {
  if (attempt != of_attempt) {
    chunks.clear();
    attempt = of_attempt;
    ended = false;
    sample_.was_read = true;
  }
  if (sample_.was_read) sample_ = {first_index, false, now};
  for (std::size_t i = skip; i < more.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : more.ends[i - 1];
    chunks.append(std::string_view(more.frames).substr(begin, more.ends[i] - begin));
  }
  if (!more.is_terminal) return;
  ended = true;
  chunks.trim();
}

read_result readable_log::read(std::optional<position> after, std::size_t bytes_max) const {
  read_result result;
  if (!exists) return result;
  result.exists = true;
  result.attempt = attempt == 0 ? fence_attempt : attempt;
  result.length = chunks.count();
  result.ended = ended;
  if (!after || after->attempt < result.attempt) {
    result.runs = chunks.read(0, bytes_max);
  } else if (after->attempt == result.attempt && after->index < result.length) {
    result.runs = chunks.read(after->index + 1, bytes_max);
  }
  if (!result.runs.empty()) {
    const auto& last = result.runs.back();
    if (sample_.index < last.first_index + last.count) {
      sample_.was_read = true;
      if (sample_.index >= result.runs.front().first_index) result.appended_at = sample_.at;
    }
  }
  return result;
}

}  // namespace throughline::stream
