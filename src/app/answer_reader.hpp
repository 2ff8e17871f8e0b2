// Reads the event stream of one answer (docs/protocol.md): bytes in, what happened out. Knows the
// position to resume from. Pure. Used by the terminal chat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "stream/chunk.hpp"

namespace throughline::app {

struct answer_text {
  std::string text;
  bool is_reasoning = false;
};
/// What came before is void; the whole text follows.
struct answer_reset {
  std::string reason;
};
struct answer_end {
  bool is_error = false;
  std::string status{};         // completed, cancelled; error
  std::string finish_reason{};  // of a completed one
  std::string message{};        // of an error: plain words
  bool retryable = false;
};
using answer_event = std::variant<answer_text, answer_reset, answer_end>;

class answer_reader {
 public:
  /// Bytes of the response's body, cut anywhere. Returns what they complete. Chunks that are not
  /// the next one of their attempt are dropped; what cannot be read is skipped; after the end
  /// nothing comes.
  [[nodiscard]] std::vector<answer_event> feed(std::string_view bytes);
  /// The connection broke: what was not complete is forgotten, and the next bytes begin a new
  /// stream. Without a position to resume from it is the whole answer, so a reset comes first if
  /// anything was returned.
  void reconnect();
  /// For Last-Event-ID; empty: nothing yet.
  [[nodiscard]] const std::string& position() const noexcept { return position_; }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

 private:
  void take_line(std::string_view line, std::vector<answer_event>& out);
  void dispatch(std::vector<answer_event>& out);

  std::string buffer_;
  std::string id_;
  std::string data_;
  std::string position_;
  std::optional<stream::position> newest_;  // of the text as it stands; chunks up to it are dropped
  bool has_text_ = false;
  bool begins_again_ = false;
  bool has_ended_ = false;
};

/// `text` without what would move the cursor or speak to the terminal: control characters other
/// than line end and tab. `text` is UTF-8.
[[nodiscard]] std::string without_controls(std::string_view text);

}  // namespace throughline::app
