// The worker of one process: claims tasks, runs a generation for each on the event loops, keeps its
// lease, saves partial text once a second, makes delayed tasks due, takes over what dead workers
// left, and cleans up. It runs hundreds or thousands of generations at once; they wait for the
// network.
//
// The bell of the queue wakes it; by itself it looks about once a second, with jitter. One claim is
// in flight at a time, and bells meanwhile coalesce. What is posted in its own process and would be
// claimed next anyway it takes from the hand of the poster (store::task_taker).
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aio/event_loop.hpp"
#include "engine/generation.hpp"
#include "engine/notices.hpp"
#include "engine/provider_places.hpp"
#include "engine/readiness.hpp"

namespace throughline::engine {

struct worker_options {
  std::vector<std::string> queues{"default"};  // which it claims from
  std::int64_t concurrency = 10'000;           // generations at once
  std::int64_t claim_max = 256;                // tasks in one claim
  provider_limits limits;                      // generations at once, of these providers
  milliseconds lease{4000};
  milliseconds heartbeat{1000};
  milliseconds save_partials{1000};
  milliseconds upkeep{60'000};
  /// The only process of its database (SQLite): nobody can take its tasks, so an idle one writes
  /// nothing, and reaps nothing.
  bool is_alone = true;
  store::task_queue::cleaning cleaning;
};

class worker {
 public:
  /// All outlive the worker, and `loops` run. The coordination lives on the first loop.
  worker(aio::event_loops& loops, generation_services services, notices& bells,
         worker_options options);
  /// REQUIRES that drain() has returned.
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// Called once, on the first loop, when somebody has asked this worker to drain (its row says so)
  /// and it runs nothing any more. Before start(), or on the first loop.
  void when_drained(std::function<void()> call);

  /// Begins to claim. Any thread. It goes on claiming until drain(), or until it is asked to drain:
  /// then it claims nothing more, lets what it runs end, and keeps its lease.
  void start();

  /// Claims nothing more, lets running generations end until `deadline`, hands the rest back to the
  /// queue, and stops. Any loop.
  [[nodiscard]] aio::awaitable<> drain(steady_time deadline);

  [[nodiscard]] std::int64_t running() const noexcept;
  /// Long ago in either of its rounds means that it makes no progress. Any thread.
  [[nodiscard]] worker_pulse pulse() const noexcept;
  [[nodiscard]] steady_time last_progress() const noexcept {
    const auto now = pulse();
    return std::min(now.claimed, now.renewed);
  }
  [[nodiscard]] worker_id id() const noexcept;

  /// For store::submissions; lives as long as the worker. Takes only while the lease is
  /// held, as it claims, and nothing more once draining has begun.
  [[nodiscard]] store::task_taker& taker() noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace throughline::engine
