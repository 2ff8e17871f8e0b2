// Positions are read exactly as they are written, and frames come apart as they were put together.
#include <array>
#include <limits>
#include <string>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"
#include "stream/chunk.hpp"

namespace {

using namespace throughline;

void check_position(std::string_view text) {
  const auto at = stream::parse_position(text);
  if (!at) return;
  constexpr auto max = std::numeric_limits<std::uint32_t>::max();
  fuzz::require(at->attempt >= 1 && at->attempt < max && at->index < max, "a position is in range");
  fuzz::require(stream::to_string(*at) == text, "a position has one spelling");
}

void check_frame(const stream::frame_view& frame, const stream::chunk& piece, std::int64_t index) {
  const auto object = parse_json_object(frame.json);
  fuzz::require(object.has_value(), "a frame holds one JSON object");
  fuzz::require(object->at("chunk_index").as_int64() == index, "the index is in the JSON");
  fuzz::require(object->at("chunk_type").as_string() == stream::to_string(piece.type),
                "the type is in the JSON");
  fuzz::require(object->at("content").as_string() == json::string_view(piece.content),
                "the content is in the JSON");
}

void check_frames(std::uint8_t kind, stream::position at, const std::string& content) {
  using stream::chunk_type;
  constexpr std::array types{chunk_type::content, chunk_type::reasoning, chunk_type::reset,
                             chunk_type::done, chunk_type::error};
  stream::chunk piece{types[kind % types.size()], content, {}};
  if (piece.type == chunk_type::reset) piece.fields = R"(,"attempt":2,"reason":"worker_lost")";

  std::string frames;
  stream::encode_chunk_frame(frames, at, piece);
  const auto first_bytes = frames.size();
  stream::encode_unlogged_frame(frames, at.index, piece);

  std::string_view left = frames;
  const auto logged = stream::take_frame(left);
  fuzz::require(logged.whole.size() == first_bytes, "a frame ends where the next begins");
  fuzz::require(logged.at == at, "a frame has its position");
  fuzz::require(stream::parse_position(stream::to_string(at)) == at, "a position is read back");
  check_frame(logged, piece, at.index);
  const auto unlogged = stream::take_frame(left);
  fuzz::require(!unlogged.at && left.empty(), "a frame without a position has none");
  check_frame(unlogged, piece, at.index);
}

std::uint32_t number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<std::uint8_t>(c);
  return value % std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

FUZZ_TARGET(position) {
  check_position(bytes);
  constexpr std::size_t head_bytes = 9;  // type, attempt, index; the rest is the content
  if (bytes.size() < head_bytes) return;
  stream::position at{number(bytes.substr(1, 4)), number(bytes.substr(5, 4))};
  if (at.attempt == 0) at.attempt = 1;
  check_frames(static_cast<std::uint8_t>(bytes[0]), at, to_valid_utf8(bytes.substr(head_bytes)));
}
