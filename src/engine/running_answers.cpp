#include "engine/running_answers.hpp"

#include <algorithm>

namespace throughline::engine {

running_answers::moment running_answers::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void running_answers::add(const store::claimed_task& task, moment asked_at) {
  if (task.cancel_requested) return;
  const std::lock_guard lock(mutex_);
  if (now_ - asked_at > hidden_.size()) return;
  for (moment at = asked_at; at != now_; ++at) {
    if (hidden_[at % hidden_.size()] == task.conversation) return;
  }
  const entry fresh{task.held.attempt, task.owner, task.conversation};
  const auto [at, is_new] = by_task_.insert_or_assign(task.held.task, fresh);
  if (is_new) by_conversation_.emplace(task.conversation, task.held.task);
}

void running_answers::remove(const store::task_holder& held) {
  const std::lock_guard lock(mutex_);
  const auto found = by_task_.find(held.task);
  // The task may already be back with a newer attempt.
  if (found != by_task_.end() && found->second.attempt == held.attempt) erase(found);
}

void running_answers::hidden(conversation_id conversation) {
  const std::lock_guard lock(mutex_);
  hidden_[now_ % hidden_.size()] = conversation;
  ++now_;
  const auto [first, last] = by_conversation_.equal_range(conversation);
  for (auto one = first; one != last; ++one) by_task_.erase(one->second);
  by_conversation_.erase(first, last);
}

void running_answers::erase(entries::iterator one) {
  const auto [first, last] = by_conversation_.equal_range(one->second.conversation);
  by_conversation_.erase(
      std::find_if(first, last, [&](const auto& of) { return of.second == one->first; }));
  by_task_.erase(one);
}

running_answers::whose running_answers::look(const store::owner_id& owner, task_id task) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_task_.find(task);
  if (found == by_task_.end()) return whose::unknown;
  return found->second.owner == owner ? whose::theirs : whose::somebody_elses;
}

}  // namespace throughline::engine
