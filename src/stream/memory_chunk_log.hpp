// The chunk log of a single process: every chunk once in memory, encoded, shared by all its
// readers. Nothing in it outlives the process; what it loses is written again by the worker or
// answered by the database. All functions complete without suspending.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/clock.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::stream {

struct memory_chunk_log_options {
  /// Of all logs together. Over it, logs that have ended go, those that ended first before the
  /// others. A log that is still written never goes, and no append is refused: logs that are
  /// written may take more than this, and then none is kept beyond its end. What slow readers still
  /// hold of logs that are gone does not count.
  std::size_t bytes_max = std::size_t{256} * 1024 * 1024;
  /// How long a log is kept after its last append.
  std::chrono::milliseconds ttl = std::chrono::hours(1);
};

/// `time` must outlive the log, and the log every subscription.
[[nodiscard]] std::unique_ptr<chunk_log> make_memory_chunk_log(memory_chunk_log_options options,
                                                               clock& time = system_clock());

}  // namespace throughline::stream
