// What a follower asks when the log is silent: has this task ended in the database, and how?
// engine/ answers, joining the questions of all followers of a process into one statement per
// second.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "aio/asio.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "stream/chunk.hpp"

namespace throughline::stream {

/// A finished answer as the database has it.
struct stored_ending {
  position terminal_at;   // the id of the terminal chunk
  chunk terminal;         // done or error
  std::string reasoning;  // whole
  std::string content;    // whole
};

class task_endings {
 public:
  virtual ~task_endings() = default;

  /// nullopt: the task has not ended. `not_found`: there is no such task (any more). Takes up to a
  /// second, on purpose, unless `is_urgent` (a reader that has just come, and a log that is
  /// missing).
  [[nodiscard]] virtual aio::awaitable<result<std::optional<position>>> terminal_of(
      task_id task, bool is_urgent) = 0;

  /// The ending itself, with its text. REQUIRES that terminal_of() gave a position.
  [[nodiscard]] virtual aio::awaitable<result<stored_ending>> ending_of(task_id task) = 0;
};

}  // namespace throughline::stream
