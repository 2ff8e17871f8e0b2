// What a follower does next, as a pure state machine: chunk_follower does the reading, waiting and
// asking that it names and tells it what came of it; times are arguments. The rules it keeps are
// those on top of chunk_follower.hpp.
//
//   next():   read ---> send ... send ---> (nothing new) wait ---> read ...
//                |                              | a second of silence, or the log is missing
//                |                              v
//                |                             ask ---> not ended: read, wait
//                |                              | ended: read once more
//                '-- the log has no end <-------'
//                              '--> fetch_ending ---> send ... send ---> ended
//
// - What is to be sent is counted as sent when take_frames() hands it over, and not before.
// - `floor_` is the attempt this follower has seen: a log of a lower one is an old copy and reads
// as "none yet".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "stream/chunk_follower.hpp"
#include "stream/ending_frames.hpp"

namespace throughline::stream {

enum class follower_step : std::uint8_t {
  read,  // the log after read_from(), then on_read() or on_read_failed()
  wait,  // for the bell until `until`, then on_rung() if it rang
  ask,   // task_endings::terminal_of, then on_answer(), on_unknown_task() or on_ask_failed()
  fetch_ending,  // task_endings::ending_of, then on_ending() or on_ending_failed()
  send,          // take_frames()
  ended,
  not_found,
};

struct follower_action {
  follower_step step = follower_step::wait;
  steady_time until = steady_time::max();  // of `wait`
  bool is_urgent = false;                  // of `ask`
};

class follower_logic {
 public:
  follower_logic(follow_from from, steady_time now);

  /// What to do now. Asked again without any input in between, it says the same again.
  [[nodiscard]] follower_action next(steady_time now);
  [[nodiscard]] std::optional<position> read_from() const noexcept { return after_; }

  /// There is something to read, whatever the last read said: a pause after a failure is over.
  void on_rung() noexcept {
    wants_read_ = true;
    read_at_ = steady_time::min();
  }
  void on_read(read_result found, steady_time now);
  void on_read_failed(steady_time now);
  /// `terminal`: where the task's terminal chunk is; nullopt: the task has not ended.
  void on_answer(std::optional<position> terminal, steady_time now);
  void on_unknown_task(steady_time now);
  void on_ask_failed(steady_time now);
  /// The question was given up. The next one is urgent if the bell rang, or if the caller's
  /// patience has ended a second time: once may be a patience of which nearly nothing was left.
  void on_ask_interrupted(bool is_rung) noexcept {
    is_urgent_ = is_urgent_ || is_rung || was_cut_short_;
    was_cut_short_ = true;
  }
  void on_ending(stored_ending ending);
  void on_ending_failed(errc why, steady_time now);

  /// After `send`: the runs, and whether they are the last. They count as delivered from here on.
  [[nodiscard]] follow_result take_frames(std::size_t bytes_max, steady_time now);
  /// The last logged frame handed over, or the position it began with.
  [[nodiscard]] std::optional<position> at() const noexcept { return at_; }

 private:
  enum class phase : std::uint8_t { following, fetching, serving, ended, not_found };

  struct extent {
    std::uint32_t attempt = 0;
    std::uint32_t length = 0;
  };

  /// Remembers what the log looks like now; true if chunks were appended since the time before.
  bool observe(const read_result& found) noexcept;
  [[nodiscard]] bool continues(const read_result& found) const noexcept;
  [[nodiscard]] bool is_beyond(const read_result& found) const noexcept;
  void on_beyond(const read_result& found, bool has_grown, steady_time now);
  void on_missing(steady_time now);
  void ask_at_once(steady_time now) noexcept;

  phase phase_ = phase::following;
  std::optional<position> after_;  // where to read on
  std::optional<position> at_;
  std::uint32_t floor_ = 0;
  std::optional<std::string_view>
      reset_reason_;  // the reader's text is void: a reset goes before the next frame

  bool wants_read_ = true;
  steady_time read_at_;  // not before this, after a failure
  int read_failures_ = 0;

  steady_time ask_at_;
  bool is_urgent_ = false;
  bool was_cut_short_ = false;  // the last question had no answer
  int ask_failures_ = 0;
  std::optional<position> terminal_;  // known from the database

  bool has_tried_reading_ = false;  // whether there is a log has been looked at, or does not matter
  bool log_exists_ = false;
  std::optional<extent> seen_;               // the log as it was last seen
  std::optional<steady_time> beyond_until_;  // when a position beyond a log that has grown is void

  read_result pending_;  // frames read and not yet taken
  std::optional<ending_frames> ending_;
};

}  // namespace throughline::stream
