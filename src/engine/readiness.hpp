// Whether this process should get traffic, and what is missing. Kept by the worker's heartbeat and
// the composition, asked by /readyz.
#pragma once

#include <string>
#include <vector>

#include <atomic>
#include <memory>
#include <mutex>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "sql/database.hpp"

namespace throughline::engine {

class worker;

struct readiness_report {
  enum class verdict { ready, degraded, not_ready } is = verdict::ready;
  std::vector<std::string> reasons;  // why not `ready`, a sentence each
};

class readiness {
 public:
  /// `local_worker` may be null (a process of role api). All outlive this; it asks from `home`.
  readiness(aio::event_loop& home, sql::database& database, worker* local_worker);
  /// REQUIRES that stop() has returned.
  ~readiness();

  /// Asks the database (2 s at most) and the worker. Any loop; `here` is the caller's.
  [[nodiscard]] aio::awaitable<readiness_report> report(aio::event_loop& here);
  /// From now on not_ready: the process is going down. Any thread.
  void begin_draining();
  [[nodiscard]] bool is_draining() const;

  [[nodiscard]] aio::awaitable<> stop();

 private:
  struct probe {
    std::shared_ptr<aio::bell> answered;
    std::atomic<bool> database_answered{false};
  };
  aio::awaitable<> keep_asking();
  aio::awaitable<> stop_at_home();

  aio::event_loop& home_;
  sql::database& database_;
  worker* worker_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<aio::bell> asked_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<probe>> waiting_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::engine
