// What one reader of an answer has seen, and whether a frame is the one that had to come next.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "load/answer_frames.hpp"
#include "load/text_digest.hpp"

namespace throughline::load {

class answer_check {
 public:
  /// False if the frame is none of the answer's (a keep-alive, a `retry:`).
  bool see(const answer_frame& frame);

  /// The id of the newest frame that has one, for Last-Event-ID; empty if there is none yet.
  [[nodiscard]] const std::string& position() const noexcept { return position_; }
  [[nodiscard]] const text_digest& text() const noexcept { return text_; }
  [[nodiscard]] std::int64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::int64_t repeated() const noexcept { return repeated_; }
  [[nodiscard]] std::int64_t out_of_order() const noexcept { return out_of_order_; }
  /// Attempts that began again, after a failure of the model or of the server.
  [[nodiscard]] std::int64_t restarts() const noexcept { return restarts_; }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

 private:
  std::int64_t attempt_ = 0;
  std::int64_t next_index_ = 0;
  std::int64_t lost_ = 0;
  std::int64_t repeated_ = 0;
  std::int64_t out_of_order_ = 0;
  std::int64_t restarts_ = 0;
  bool is_stored_text_ = false;
  bool has_ended_ = false;
  bool has_failed_ = false;
  std::string position_;
  text_digest text_;
};

/// Calls `each(nanoseconds)` for every time of sending in a text, as the mock model's plan option
/// `stamp` writes it behind each token: ` 7:word@123456789`.
template <class Each>
void for_each_stamp(std::string_view text, Each each) {
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::int64_t value = 0;
    auto i = at + 1;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      value = value * 10 + (text[i] - '0');
    }
    if (i > at + 1) each(value);
  }
}

}  // namespace throughline::load
