// A follower reads one task's chunks from a position to their end: first what is stored, then what
// arrives. It owns a cursor and a subscription and nothing else, so a slow reader costs nobody
// anything; what it is handed are frames ready for the wire.
//
// - Frames come in order, each once, none left out, and end with exactly one terminal frame.
// - A position of an older attempt, one that cannot be parsed, one beyond the log: never an error,
// never a hole. The follower
//   sends a reset where the text the reader has is void, and the whole text after it.
// - While the task has not ended, a log that is missing, shorter than the position or of an older
// attempt means "none yet".
//   A position still beyond the log 5 s after the log has next grown gets a reset (chunk_index -1,
//   id 0-0, reason "position_unknown") and the text from the start. A follower never goes to a
//   lower attempt.
// - After a second of silence it asks the database (task_endings). If the task has ended there and,
// after one more read, the
//   log has no end, the ending is served from the database: a reset (id 0-0, reason
//   "resumed_from_store") if the reader held a position, then reasoning and content (no id), then
//   the stored terminal chunk under its real id. A reader right before the terminal chunk gets only
//   that.
// - The id of such a reset cannot be parsed, so a reader who is cut off after it begins anew. With
//   the old position it would get the rest of a text whose beginning it has thrown away, if a log
//   that was lost or short has been written again meanwhile.
//
// The decisions are follower_logic (pure: reads and times in, actions out); chunk_follower is the
// I/O around it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "base/clock.hpp"
#include "stream/chunk_log.hpp"
#include "stream/task_endings.hpp"

namespace throughline::stream {

/// Where a reader wants to begin.
struct follow_from {
  /// What the reader has; nullopt: nothing.
  std::optional<position> after;
  /// The reader named a position that cannot be parsed: it gets a reset and the whole text.
  bool garbage = false;
  /// It is known that the task had not ended just now: a missing log is no reason to ask the
  /// database at once.
  bool is_open = false;
};

enum class follow_status : std::uint8_t {
  frames,  // runs to send
  idle,    // nothing for `patience`; a good moment for a keep-alive
  ended,   // the terminal frame has been handed over before (or the reader had it already): nothing
           // more will come
  not_found,  // no such task (any more)
};

struct follow_result {
  follow_status status = follow_status::idle;
  std::vector<chunk_run> runs;
  bool last = false;                       // these runs end with the terminal frame
  std::optional<steady_time> appended_at;  // as in read_result
};

/// Takes what follow_result has with status `frames`. False: no more for now.
using page_taker = std::function<bool(follow_result page)>;

class chunk_follower {
 public:
  static constexpr std::size_t bytes_max_default = 256 * 1024;

  /// For use on `loop` only. `log` and `endings` must outlive it.
  chunk_follower(aio::event_loop& loop, chunk_log& log, task_endings& endings, task_id task,
                 follow_from from, clock& time = system_clock());
  ~chunk_follower();

  /// Suspends until there are frames, the end, or `patience` has passed. At most about `bytes_max`
  /// bytes of frames at a time. Throws `operation_aborted` if the coroutine is cancelled; the
  /// position is then still that of the last frames handed over, and next() may be called again.
  /// Errors of the log or the database are waited out, not reported.
  [[nodiscard]] aio::awaitable<follow_result> next(std::chrono::milliseconds patience,
                                                   std::size_t bytes_max = bytes_max_default);
  /// The same, but while it is suspended, frames that arrive and are at hand are given to `at_hand`
  /// on the loop, without the coroutine being resumed for them, until that returns false or
  /// `patience` has passed: then this returns `idle`.
  [[nodiscard]] aio::awaitable<follow_result> next(std::chrono::milliseconds patience,
                                                   page_taker at_hand);
  /// The call of next() that is under way, or else the one that comes, returns `idle` soon. On the
  /// loop.
  void interrupt();

  /// The last logged frame handed over (or the position it began with). nullopt: none.
  [[nodiscard]] std::optional<position> at() const;

 private:
  struct state;

  aio::awaitable<follow_result> next(std::chrono::milliseconds patience, std::size_t bytes_max,
                                     page_taker at_hand);

  std::unique_ptr<state> state_;
};

}  // namespace throughline::stream
