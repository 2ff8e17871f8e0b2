#include "stream/bell_board.hpp"

#include <utility>

#include "base/assert.hpp"

namespace throughline::stream {

class bell_board::member final : public chunk_log::subscription {
 public:
  member(shard& home, task_id task, std::shared_ptr<aio::bell> bell)
      : home_(home), task_(task), bell_(std::move(bell)) {
    const std::lock_guard lock(home_.mutex);
    auto& members = home_.members[task_];
    place_ = members.size();
    members.push_back(this);
  }

  ~member() override {
    const std::lock_guard lock(home_.mutex);
    const auto found = home_.members.find(task_);
    auto& members = found->second;
    members[place_] = members.back();
    members[place_]->place_ = place_;
    members.pop_back();
    if (members.empty()) home_.members.erase(found);
  }

  member(const member&) = delete;
  member& operator=(const member&) = delete;

  void ring() { bell_->ring(); }

 private:
  shard& home_;
  const task_id task_;
  const std::shared_ptr<aio::bell> bell_;
  std::size_t place_ = 0;  // in the task's members, guarded by the shard's mutex
};

bell_board::~bell_board() {
  for (auto& shard : shards_) THROUGHLINE_ASSERT(shard.members.empty());
}

std::unique_ptr<chunk_log::subscription> bell_board::subscribe(task_id task,
                                                               std::shared_ptr<aio::bell> bell) {
  return std::make_unique<member>(shard_of(task), task, std::move(bell));
}

void bell_board::ring(task_id task) {
  auto& shard = shard_of(task);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.members.find(task);
  if (found == shard.members.end()) return;
  for (member* each : found->second) each->ring();
}

}  // namespace throughline::stream
