// The bells of one process: the store rings them after each commit, and whoever has to look again
// listens. Hints only. (Across processes Redis carries the same four, behind the same
// store::signals: app/shared_signals.hpp.)
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "aio/bell.hpp"
#include "store/signals.hpp"

namespace throughline::engine {

class notices final : public store::signals {
 public:
  notices();
  ~notices() override;

  /// Rings until it is destroyed. May be destroyed on any thread.
  class watch {
   public:
    virtual ~watch() = default;
  };
  /// A rev of this owner went up.
  [[nodiscard]] std::unique_ptr<watch> watch_owner(const store::owner_id& owner,
                                                   std::shared_ptr<aio::bell> bell);
  /// A task may be claimable.
  [[nodiscard]] std::unique_ptr<watch> watch_queue(std::shared_ptr<aio::bell> bell);
  /// This task has ended.
  [[nodiscard]] std::unique_ptr<watch> watch_end(task_id task, std::shared_ptr<aio::bell> bell);
  /// Called, on the thread that rang, for each running task whose cancel is requested. One
  /// listener: the worker. An empty function unhooks it, and returns after the last call has.
  void on_cancel(std::function<void(task_id)> listener);

  /// Hints of other processes may have been lost: rings every bell there is. Any thread.
  void ring_everything();

  void owner_changed(const store::owner_id& owner) override;
  void queue_changed() override;
  void cancel_requested(task_id task) override;
  void task_ended(task_id task) override;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace throughline::engine
