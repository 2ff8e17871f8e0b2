#include "load/answer_check.hpp"

#include <utility>

namespace throughline::load {

using kind = answer_frame::kind;

bool answer_check::see(const answer_frame& frame) {
  if (frame.type == kind::other) return false;
  if (has_ended_) {
    ++repeated_;  // nothing may follow the end
    return true;
  }
  const bool is_outside = frame.attempt == 0;  // not a chunk of the log
  // A text out of the database comes in pieces of its own and ends with the terminal chunk's id.
  const bool is_terminal = frame.type == kind::done || frame.type == kind::error;
  const bool ends_stored_text = std::exchange(is_stored_text_, is_outside) && is_terminal;
  if (is_outside && frame.type == kind::reset) {
    ++restarts_;  // its id is no position: all of it follows
    attempt_ = 0;
    next_index_ = 0;
  } else if (ends_stored_text) {
    attempt_ = frame.attempt;
  } else if (frame.attempt > attempt_) {
    if (attempt_ > 0) ++restarts_;
    attempt_ = frame.attempt;
    next_index_ = 0;
    text_ = {};
  }
  if (!is_outside && !ends_stored_text) {
    if (frame.index == next_index_) {
      ++next_index_;
    } else if (frame.index > next_index_) {
      lost_ += frame.index - next_index_;
      next_index_ = frame.index + 1;
    } else {
      ++(frame.index == next_index_ - 1 ? repeated_ : out_of_order_);
    }
  }
  if (!frame.id.empty()) position_ = frame.id;
  if (frame.type == kind::reset) text_ = {};
  if (frame.type == kind::content) text_.add(frame.text);
  has_ended_ = is_terminal;
  has_failed_ = frame.type == kind::error;
  return true;
}

}  // namespace throughline::load
