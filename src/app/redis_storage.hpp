// The Redis of one process, and what it has there: the chunk log and the bells. Asks it now and then
// how it is, for /metrics, and says once in the log what should be set otherwise. Used by
// storage.cpp.
#pragma once

#include <memory>
#include <string>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "app/shared_signals.hpp"
#include "engine/notices.hpp"
#include "redis/client.hpp"
#include "redis/subscriptions.hpp"
#include "stream/redis_chunk_log.hpp"

namespace throughline::app {

class redis_storage {
 public:
  /// `loops` and `bells` outlive it. Connects in the background.
  redis_storage(redis::server to, aio::event_loops& loops, engine::notices& bells,
                milliseconds chunk_ttl);

  [[nodiscard]] stream::chunk_log& log() noexcept { return *log_; }
  [[nodiscard]] store::signals& signals() noexcept { return *signals_; }
  /// A sentence while Redis is away; empty while it is there. Any thread.
  [[nodiscard]] std::string what_is_wrong() const;

  /// When nobody uses the log and rings the bells any more. Any loop.
  [[nodiscard]] aio::awaitable<> stop();

 private:
  aio::awaitable<> keep_asking();
  aio::awaitable<> stop_asking();

  aio::event_loop& home_;
  redis::client commands_;
  redis::subscriptions events_;
  std::unique_ptr<stream::redis_chunk_log> log_;
  std::unique_ptr<shared_signals> signals_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::app
