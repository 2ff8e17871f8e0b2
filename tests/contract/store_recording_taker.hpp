// A worker that takes posts and remembers them.
#pragma once

#include <vector>

#include "store/claimed_task.hpp"

namespace throughline::store {

/// A worker with so much room, for one queue.
class recording_taker final : public task_taker {
 public:
  explicit recording_taker(worker_id worker) : worker_(worker) {}

  std::optional<worker_id> reserve(const std::string& queue) override {
    if (queue != "default" || room == 0) return std::nullopt;
    --room;
    return worker_;
  }
  void start(claimed_task task) override { started.push_back(std::move(task)); }
  void give_back() noexcept override { ++room; }

  int room = 100;
  std::vector<claimed_task> started;

 private:
  worker_id worker_;
};

}  // namespace throughline::store
