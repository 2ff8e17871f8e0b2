// A worker that takes posts and remembers them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "store/claimed_task.hpp"

namespace throughline::store {

/// A worker with so much room, for one queue.
class recording_taker final : public task_taker {
 public:
  explicit recording_taker(worker_id worker) : worker_(worker) {}

  std::optional<room> reserve(const std::string& queue) override {
    if (queue != "default" || rooms == 0) return std::nullopt;
    return room{worker_, static_cast<std::uint64_t>(rooms--)};
  }
  void start(claimed_task task, room in) override {
    EXPECT_EQ(in.worker, task.held.worker);
    EXPECT_GT(in.since, 0U);
    started.push_back(std::move(task));
  }
  void give_back() noexcept override { ++rooms; }

  int rooms = 100;
  std::vector<claimed_task> started;

 private:
  worker_id worker_;
};

}  // namespace throughline::store
