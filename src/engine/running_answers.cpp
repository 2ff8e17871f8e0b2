#include "engine/running_answers.hpp"

namespace throughline::engine {

running_answers::moment running_answers::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void running_answers::add(const store::claimed_task& task, moment asked_at) {
  if (task.cancel_requested) return;
  const std::lock_guard lock(mutex_);
  if (asked_at != now_) return;
  by_task_[task.held.task] = {task.held.attempt, task.owner, task.conversation};
}

void running_answers::remove(const store::task_holder& held) {
  const std::lock_guard lock(mutex_);
  const auto found = by_task_.find(held.task);
  // The task may already be back with a newer attempt.
  if (found != by_task_.end() && found->second.attempt == held.attempt) by_task_.erase(found);
}

void running_answers::hiding_begins() {
  const std::lock_guard lock(mutex_);
  ++now_;
}

void running_answers::hiding_ended(conversation_id conversation) {
  const std::lock_guard lock(mutex_);
  ++now_;
  std::erase_if(by_task_, [&](const auto& one) { return one.second.conversation == conversation; });
}

running_answers::whose running_answers::look(const store::owner_id& owner, task_id task) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_task_.find(task);
  if (found == by_task_.end()) return whose::unknown;
  return found->second.owner == owner ? whose::theirs : whose::somebody_elses;
}

}  // namespace throughline::engine
