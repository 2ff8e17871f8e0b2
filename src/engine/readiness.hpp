// Whether this process should get traffic, and what is missing. Kept by the worker's heartbeat and the composition, asked by
// /readyz.
#pragma once

#include <string>
#include <vector>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "sql/database.hpp"

namespace throughline::engine {

class worker;

struct readiness_report {
  enum class verdict { ready, degraded, not_ready } is = verdict::ready;
  std::vector<std::string> reasons;  // why not `ready`, a sentence each
};

class readiness {
 public:
  /// `local_worker` may be null (a process of role api). Both outlive this.
  readiness(sql::database& database, worker* local_worker);

  /// Asks the database (2 s at most) and the worker. Any loop.
  [[nodiscard]] aio::awaitable<readiness_report> report(aio::event_loop& here);
  /// From now on not_ready: the process is going down. Any thread.
  void begin_draining();
  [[nodiscard]] bool is_draining() const;

 private:
  sql::database& database_;
  worker* worker_;
  std::atomic<bool> draining_{false};
};

}  // namespace throughline::engine
