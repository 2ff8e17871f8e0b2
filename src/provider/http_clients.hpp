// The HTTP client of each event loop. Made once at start, for all loops on which answers are
// generated; destroyed after those loops have stopped and every completion is gone. Used by the
// providers that speak HTTP.
#pragma once

#include <map>
#include <memory>

#include "aio/event_loop.hpp"
#include "http/client.hpp"

namespace throughline::provider {

/// Thread-safe: it does not change after construction.
class http_clients {
 public:
  explicit http_clients(aio::event_loops& loops);
  explicit http_clients(aio::event_loop& loop);

  /// For use on `loop` only. REQUIRES: one of the loops it was made for.
  [[nodiscard]] http::http_client& of(const aio::event_loop& loop) const;

 private:
  std::map<const aio::event_loop*, std::unique_ptr<http::http_client>> clients_;
};

}  // namespace throughline::provider
