// Cuts a body of server-sent events into the frames of an answer without copying and without a JSON
// parser, as long as they have the shape that the server gives them; whatever else is JSON is read
// by a parser. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace throughline::load {

/// One event. The views are valid until the reader is asked for the next.
struct answer_frame {
  enum class kind : std::uint8_t { content, reasoning, reset, done, error, other };

  kind type = kind::other;
  std::string_view id;       // "1-42"; empty if the event has none
  std::int64_t attempt = 0;  // of the id; 0: the chunk is not part of the log
  std::int64_t index = -1;
  std::string_view text;  // the content, decoded
  std::string_view json;  // the whole data line
};

class answer_frames {
 public:
  /// The next piece of the body. REQUIRES: next() has returned false since the last one. `piece`
  /// lives until then.
  void feed(std::string_view piece);
  /// False if there is no further whole event in what was fed.
  [[nodiscard]] bool next(answer_frame& frame);
  /// Forgets what was fed.
  void clear();

 private:
  std::string_view fed_;
  std::string held_;      // an event that came in pieces; `fed_` points into it if it is not empty
  std::string decoded_;   // of a text with escapes
  std::size_t used_ = 0;  // of held_
};

}  // namespace throughline::load
