// What /metrics shows beside the counters, looked at when somebody asks: the queue as the database
// has it, the logs, the event loops, the worker and the process. The database is asked at most once
// in a while, however many scrape, and a scrape does not wait long for it: it then shows the
// figures of last time and how old they are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aio/loop_watch.hpp"
#include "base/metrics.hpp"
#include "engine/worker.hpp"
#include "store/task_queue.hpp"
#include "stream/chunk_log.hpp"

namespace throughline::engine {

/// What is looked at. All of it outlives the insight.
struct insight_sources {
  store::task_queue& queue;
  const stream::chunk_log& log;
  const aio::loop_watch& loops;
  const worker* local_worker = nullptr;  // null: this process has none
  std::vector<std::string> queues;       // shown from the start
};

class insight {
 public:
  struct options {
    milliseconds fresh{5000};    // the database is asked at most so often
    milliseconds patience{500};  // of a scrape with the database
    milliseconds alive{10'000};  // a worker without progress for longer serves nothing
  };

  /// `home` is the loop that does the looking.
  insight(aio::event_loop& home, insight_sources on, options how);
  insight(aio::event_loop& home, insight_sources on) : insight(home, std::move(on), options{}) {}
  /// REQUIRES that stop() has returned.
  ~insight();

  /// Everything that /metrics shows. Any loop.
  [[nodiscard]] aio::awaitable<std::vector<metrics::family>> look();

  [[nodiscard]] aio::awaitable<> stop();

 private:
  class queue_gauges;
  aio::awaitable<std::vector<metrics::family>> look_at_home();
  aio::awaitable<> keep_asking();
  aio::awaitable<> stop_at_home();
  /// The local worker if it makes no progress, although its lease may live on.
  [[nodiscard]] std::optional<worker_id> stuck_worker() const;
  void show_the_rest() const;

  aio::event_loop& home_;
  const insight_sources on_;
  const options options_;
  std::unique_ptr<queue_gauges> gauges_;
  std::shared_ptr<aio::bell> wanted_;
  std::vector<std::shared_ptr<aio::bell>> waiting_;  // for the answer that is under way
  std::optional<steady_time> answered_at_;
  bool is_asking_ = false;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::engine
