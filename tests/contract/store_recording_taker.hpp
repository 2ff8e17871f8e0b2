// A worker that takes posts and remembers them.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "store/claimed_task.hpp"

namespace throughline::store {

/// A worker with so much room, for one queue; of a provider it may have less.
class recording_taker final : public task_taker {
 public:
  explicit recording_taker(worker_id worker) : worker_(worker) {}

  std::optional<room> reserve(const std::string& queue, const std::string& provider) override {
    if (queue != "default" || rooms == 0 || full_providers.contains(provider)) return std::nullopt;
    return room{worker_, provider, static_cast<std::uint64_t>(rooms--)};
  }
  void start(claimed_task task, room in) override {
    EXPECT_EQ(in.worker, task.held.worker);
    EXPECT_EQ(in.provider, task.provider);
    EXPECT_GT(in.since, 0U);
    started.push_back(std::move(task));
  }
  void give_back(room) noexcept override { ++rooms; }

  int rooms = 100;
  std::set<std::string> full_providers;
  std::vector<claimed_task> started;

 private:
  worker_id worker_;
};

}  // namespace throughline::store
