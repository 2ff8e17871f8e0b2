// The chunk log: the ordered record of the chunks of each task, kept while an answer is written and
// CHUNK_TTL after. It is the centre of the product. One worker at a time writes a task's log; any
// number of followers read it. Implementations: memory (one process) and Redis; both pass
// tests/contract/stream_chunk_log_contract.hpp.
//
// A task's log, as its readers see it:
//
//   (missing) --append--> attempt 1: 0 1 2 ... --append--> attempt 2: 0=reset 1 2 ... n=done|error
//   (ended)
//                  open(2) raises the fence; the chunks of attempt 1 stay readable until attempt
//                  2's first append
//
// - The fence is the pair (attempt, worker) last opened. An older attempt, or the same attempt by
// another worker, is `fenced`.
// - Index i of an attempt is written once; the log has no holes; after a terminal chunk nothing
// follows.
// - Whatever happens to the log, it is only a copy: the worker can write it again, and after that
// the database can answer.
//
// Thread-safe: every function may be called on any event loop, and completes on the loop of the
// caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "stream/chunk.hpp"

namespace throughline::stream {

/// Who writes: one worker's try at a task.
struct writer {
  task_id task;
  std::uint32_t attempt = 0;
  worker_id worker;
  /// What the answer becomes, for people who look at a log; nil: not told.
  message_id message{};
};

enum class append_status : std::uint8_t {
  appended,
  fenced,    // a newer attempt, or another worker, holds the log: stop silently
  ended,     // the log of this attempt has its terminal chunk
  mismatch,  // `first_index` is not the length: go on at `length`
};

struct append_result {
  append_status status = append_status::appended;
  std::uint32_t length = 0;  // chunks of this attempt now in the log
};

/// A run of consecutive chunks as bytes for the wire.
struct chunk_run {
  std::shared_ptr<const void> owner;  // keeps `frames` alive; the bytes never change
  std::string_view frames;            // `count` frames back to back
  std::uint32_t first_index = 0;
  std::uint32_t count = 0;
};

struct read_result {
  /// False: there is no log for this task (never begun, expired, lost). Everything else is then
  /// zero.
  bool exists = false;
  std::uint32_t attempt = 0;  // of the chunks that are readable now
  std::uint32_t length = 0;   // how many chunks this attempt has
  bool ended = false;         // the last of them is terminal
  /// Chunks after the position, in order, none left out. Empty with `ended`: the position is the
  /// terminal chunk (or a position beyond it). Empty without: none yet, or the position is not in
  /// this log; the caller compares.
  std::vector<chunk_run> runs;
  /// When one of these chunks was appended, best the first: a sample, for measuring how long chunks
  /// are under way.
  std::optional<std::chrono::steady_clock::time_point> appended_at;
};

struct log_totals {
  std::size_t logs = 0;
  std::size_t ended = 0;  // of these
  std::size_t bytes = 0;
};

class chunk_log {
 public:
  virtual ~chunk_log() = default;

  /// Raises the fence to (attempt, worker). Idempotent. Older chunks stay readable until the first
  /// append of this attempt. `fenced` if a newer attempt, or another worker at this attempt, has
  /// opened already; else `appended` and this attempt's length (not 0 when a worker opens again
  /// after a lost reply). An error (`unavailable`): the log could not be reached; nothing is known
  /// to have happened.
  [[nodiscard]] virtual aio::awaitable<result<append_result>> open(writer by) = 0;

  /// Appends `chunks` at `first_index`. All or nothing. The first append of a newer attempt
  /// (first_index 0) empties the log. An append to a log that is missing or lost counts as an
  /// append to an empty one whose fence is (attempt, worker). The terminal chunk, if any, is the
  /// last of `chunks`. An error (`unavailable`): in doubt; call again with the same arguments, and
  /// `mismatch` with a higher length tells that it had happened.
  [[nodiscard]] virtual aio::awaitable<result<append_result>> append(writer by,
                                                                     std::uint32_t first_index,
                                                                     std::vector<chunk> chunks) = 0;

  /// The chunks after `after` (nullopt: from the start), in one atomic step, at most about
  /// `bytes_max` bytes but at least one chunk. A position of an older attempt gets the readable
  /// attempt from its start.
  [[nodiscard]] virtual aio::awaitable<result<read_result>> read(task_id task,
                                                                 std::optional<position> after,
                                                                 std::size_t bytes_max) = 0;

  /// append() without a coroutine: the way of nearly every chunk. True: `told` hears what append()
  /// would answer, once, on this loop, possibly before this returns. False: nothing has happened,
  /// and nobody is told; call append().
  using append_listener = std::function<void(const result<append_result>& answer)>;
  [[nodiscard]] virtual bool append_then(const writer& by, std::uint32_t first_index,
                                         std::span<const chunk> chunks, append_listener told);

  /// A reader's standing at the log of one task, until it dies. The log outlives it.
  class subscription {
   public:
    virtual ~subscription() = default;
    /// What read() would answer, if that is known without waiting; nullopt: call read().
    [[nodiscard]] virtual std::optional<read_result> read_now(std::optional<position> after,
                                                              std::size_t bytes_max);
  };
  /// Rings `bell` whenever the log of `task` may have grown, ended, been opened or removed, until
  /// the subscription dies. The log need not exist. Read after subscribing: what happened before
  /// rings no bell.
  [[nodiscard]] virtual std::unique_ptr<subscription> subscribe(
      task_id task, std::shared_ptr<aio::bell> bell) = 0;

  /// Removes the log (its conversation was purged). Nothing happens if there is none.
  [[nodiscard]] virtual aio::awaitable<> remove(task_id task) = 0;

  /// For metrics.
  [[nodiscard]] virtual log_totals totals() const = 0;
};

inline bool chunk_log::append_then(const writer& /*by*/, std::uint32_t /*first_index*/,
                                   std::span<const chunk> /*chunks*/, append_listener /*told*/) {
  return false;
}
inline std::optional<read_result> chunk_log::subscription::read_now(
    std::optional<position> /*after*/, std::size_t /*bytes_max*/) {
  return std::nullopt;
}

}  // namespace throughline::stream
