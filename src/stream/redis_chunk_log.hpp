// The chunk log of many processes: in Redis, so that any of them may write and any may follow. What
// is in Redis is only a copy: it may be lost, whole or in part, at any moment, and the worker
// writes it again. How it lies there is in redis_log_protocol.hpp.
//
// - An append is one script and one round trip; those of different tasks that are made in one turn
// of a loop share a write. While one is under way its caller collects what comes next.
// - A log that is followed here has one copy here, for all its readers (log_copy.hpp). Nearly every
// chunk reaches them as the message that announced it, without Redis being read.
// - While Redis is away appends and first reads are `unavailable` at once; readers of a log that is
// known here wait, and go on when it is back.
//
// totals() is of the logs that this process has written and that are still kept.
#pragma once

#include <chrono>
#include <memory>

#include "base/clock.hpp"
#include "redis/client.hpp"
#include "redis/subscriptions.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::stream {

struct redis_chunk_log_options {
  /// How long a log is kept after its last append (CHUNK_TTL).
  milliseconds ttl = std::chrono::hours(1);
  /// A copy that has heard nothing for so long reads: what a lost message costs, and the looking.
  milliseconds silence{750};
  milliseconds look_every{250};
  /// How long a first read waits until its copy is known.
  milliseconds read_patience{1000};
  /// Of one read of a log from Redis, near enough.
  std::size_t page_bytes = std::size_t{1024} * 1024;
};

class redis_chunk_log : public chunk_log {
 public:
  /// Ends the looking after silent copies. Before the client and the subscriptions are stopped. Any
  /// loop.
  [[nodiscard]] virtual aio::awaitable<> stop() = 0;
};

/// All outlive the log. `commands` and `events` are of the same Redis.
[[nodiscard]] std::unique_ptr<redis_chunk_log> make_redis_chunk_log(
    redis::client& commands, redis::subscriptions& events, redis_chunk_log_options options = {},
    clock& time = system_clock());

}  // namespace throughline::stream
