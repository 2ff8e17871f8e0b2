// The bells of all processes: what the store rings here is rung in every other process as well, by
// way of Redis, and what is rung there rings here. Hints only: nobody waits for one to be
// published, one that is lost (Redis away) costs a look of whoever waits, and after each gap
// everybody looks.
//
//   throughline:queue    a task may be claimable
//   throughline:cancel   TASK    its cancel was requested
//   throughline:ended    TASK    it has ended
//   throughline:owner    OWNER   a rev of theirs went up
//
// The payload is SENDER " " and what stands above, SENDER being a process's own random word, by
// which it knows what it said itself.
#pragma once

#include <memory>

#include "engine/notices.hpp"
#include "redis/client.hpp"
#include "redis/subscriptions.hpp"

namespace throughline::app {

class shared_signals final : public store::signals {
 public:
  /// Of one kind about one owner or task at most one publication is under way; what is said
  /// meanwhile is said once more after it. Beyond so many different ones hints are dropped.
  static constexpr std::size_t under_way_max = 10'000;

  /// All outlive it. It dies before `events` is stopped.
  shared_signals(engine::notices& local, redis::client& commands, redis::subscriptions& events);
  ~shared_signals() override;
  shared_signals(const shared_signals&) = delete;
  shared_signals& operator=(const shared_signals&) = delete;

  // Each rings here before it returns. Any thread; none waits.
  void owner_changed(const store::owner_id& owner) override;
  void queue_changed() override;
  void cancel_requested(task_id task) override;
  void task_ended(task_id task) override;

 private:
  class listener;
  struct publisher;

  engine::notices& local_;
  std::shared_ptr<publisher> publisher_;
  std::vector<std::unique_ptr<redis::subscriptions::subscription>> held_;
};

}  // namespace throughline::app
