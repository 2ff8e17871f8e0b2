// Bells the store rings after a commit, so that nobody who writes can forget to. Hints: losing one
// costs time, never an answer.
#pragma once

#include "store/records.hpp"

namespace throughline::store {

class signals {
 public:
  virtual ~signals() = default;
  /// Something of this owner changed: rev went up. Any thread.
  virtual void owner_changed(const owner_id& owner) = 0;
  /// A task may have become ready (or its cancel may need a worker). Any thread.
  virtual void queue_changed() = 0;
  /// A running task's cancel was requested. Any thread.
  virtual void cancel_requested(task_id task) = 0;
  /// A task has ended (its terminal state is committed). Any thread.
  virtual void task_ended(task_id task) = 0;
};

}  // namespace throughline::store
