// A chunk is one piece of an answer; a position names one. This header is also the format on the
// wire: a chunk is stored and sent as one server-sent event, encoded once,
//
//   frame   = "id: " attempt "-" index LF "data: " json LF LF
//           | "id: 0-0" LF "data: " json LF LF      a reset that is not part of a log
//           | "data: " json LF LF                   text that is not part of a log
//   json    = {"chunk_index":INDEX,"chunk_type":"TYPE","content":"TEXT" FIELDS}
//
// and never contains another line end, so frames can be cut apart again by looking for LF LF.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::stream {

enum class chunk_type : std::uint8_t { content, reasoning, reset, done, error };

[[nodiscard]] std::string_view to_string(chunk_type type) noexcept;
/// done and error end an answer; nothing follows them.
[[nodiscard]] constexpr bool is_terminal(chunk_type type) noexcept {
  return type == chunk_type::done || type == chunk_type::error;
}

/// A chunk before it has a place. `content` is valid UTF-8.
struct chunk {
  chunk_type type = chunk_type::content;
  std::string content;
  /// Further JSON members of a reset, done or error, each with a comma before it:
  /// `,"attempt":2,"reason":"worker_lost"`.
  std::string fields;
};

/// What a reader has: everything of `attempt` up to and including `index`. Attempts count from 1,
/// indexes from 0.
struct position {
  std::uint32_t attempt = 0;
  std::uint32_t index = 0;
  friend auto operator<=>(const position&, const position&) = default;
};

/// `1-42`.
[[nodiscard]] std::string to_string(position at);
/// Accepts exactly `ATTEMPT-INDEX` in decimal, attempt >= 1, both below 2^32 - 1, no signs, no
/// leading zeros; else nullopt.
[[nodiscard]] std::optional<position> parse_position(std::string_view text) noexcept;

/// Appends the JSON of a chunk.
void encode_chunk_json(std::string& out, std::int64_t index, const chunk& piece);
/// Appends the frame of a chunk.
void encode_chunk_frame(std::string& out, position at, const chunk& piece);
/// Appends the frame of a chunk that is not part of a log. It has no id line, so that a client's
/// Last-Event-ID stays what it was; but a reset makes that void with the text, and has the id
/// `0-0`, which parse_position() refuses: who comes back with it gets a reset and the whole text,
/// whatever has become of the log meanwhile.
void encode_unlogged_frame(std::string& out, std::int64_t index, const chunk& piece);

/// Appends the frame of a chunk whose JSON is there already, as the function above wrote it.
void encode_stored_frame(std::string& out, position at, std::string_view json);
/// Its type; nullopt: it is not the JSON of chunk `index` as encode_chunk_json() writes it, and
/// would not be a frame.
[[nodiscard]] std::optional<chunk_type> type_of_stored(std::string_view json,
                                                       std::uint32_t index) noexcept;

/// One frame seen from outside.
struct frame_view {
  std::string_view whole;      // with the two line ends
  std::optional<position> at;  // nullopt: not part of a log
  std::string_view json;
};
/// Takes the first frame off `frames`, which are frames back to back as the functions above write
/// them.
[[nodiscard]] frame_view take_frame(std::string_view& frames);

}  // namespace throughline::stream
