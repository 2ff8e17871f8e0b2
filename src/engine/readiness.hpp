// Whether this process should get traffic, and what is missing. Asked by /readyz; it looks at the
// database, at the rounds of the worker and at the event loops each time, so that a process that is
// alive and gets nothing done says so.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"
#include "aio/loop_watch.hpp"
#include "aio/task_group.hpp"
#include "sql/database.hpp"

namespace throughline::engine {

class worker;

/// The last time each of a worker's rounds got what it asked the database for, or was told that the
/// disk is full.
struct worker_pulse {
  steady_time claimed;  // also when there was nothing to claim, or no room for more
  steady_time renewed;  // the lease; also when it needed no renewal
};

struct readiness_report {
  enum class verdict : std::uint8_t { ready, degraded, not_ready } is = verdict::ready;
  struct part {
    std::string_view name;
    std::string why;  // it does not work, a sentence; empty: it works
  };
  std::vector<part> parts;           // empty: the process is going down, and nothing was looked at
  std::vector<std::string> reasons;  // why not `ready`, a sentence each
};

class readiness {
 public:
  struct options {
    milliseconds database_patience{2000};
    milliseconds worker_patience{10'000};  // since its last round
    milliseconds loop_patience{10'000};    // for a loop to take up what is sent to it
  };
  /// What helps and can be done without, like Redis: a sentence if it is missing. Any thread.
  struct helper {
    std::string_view name;
    std::function<std::string()> what_is_wrong;
  };
  /// What is looked at. All of it outlives this. Null: this process has none.
  struct sources {
    sql::database& database;
    std::function<worker_pulse()> pulse;
    const aio::loop_watch* loops = nullptr;
    std::vector<helper> helpers = {};
  };

  /// Asks from `home`, best a loop that serves nobody.
  readiness(aio::event_loop& home, sources on, options how, clock& time = system_clock());
  readiness(aio::event_loop& home, sources on) : readiness(home, std::move(on), options{}) {}
  /// REQUIRES that stop() has returned.
  ~readiness();

  /// Takes as long as the database, `database_patience` at most. Any loop; `here` is the caller's.
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
  aio::awaitable<bool> database_answers(aio::event_loop& here);
  [[nodiscard]] std::string what_is_wrong_with_worker() const;
  [[nodiscard]] std::string what_is_wrong_with_loops() const;

  aio::event_loop& home_;
  const sources on_;
  const options options_;
  clock& time_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<aio::bell> asked_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<probe>> waiting_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::engine
