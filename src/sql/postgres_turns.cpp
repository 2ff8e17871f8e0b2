#include "sql/postgres_turns.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"

namespace throughline::sql {

std::shared_ptr<postgres_turns::turn> postgres_turns::turn_of(const std::string& group) {
  if (group.empty()) return std::make_shared<turn>();
  auto& known = groups_[group];
  if (!known) {
    known = std::make_shared<turn>();
    known->group = group;
  }
  return known;
}

void postgres_turns::push(pooled_transaction one) {
  const auto to = turn_of(one.group);
  to->members.push_back(std::move(one));
  ++size_;
  if (to->members.size() == 1 && !to->is_taken) turns_.push_back(to);
}

void postgres_turns::push_front(std::vector<pooled_transaction> all) {
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    const auto to = turn_of(one->group);
    to->members.push_front(std::move(*one));
    ++size_;
    if (to->members.size() == 1 && !to->is_taken) turns_.push_front(to);
  }
}

std::vector<pooled_transaction> postgres_turns::take() {
  THROUGHLINE_ASSERT(has_turn());
  const auto next = turns_.front();
  turns_.pop_front();
  next->is_taken = true;
  auto& members = next->members;
  const auto count = static_cast<std::ptrdiff_t>(std::min(together_max_, members.size()));
  std::vector<pooled_transaction> out(std::make_move_iterator(members.begin()),
                                      std::make_move_iterator(members.begin() + count));
  members.erase(members.begin(), members.begin() + count);
  size_ -= out.size();
  return out;
}

void postgres_turns::release(const std::string& group) {
  if (group.empty()) return;
  const auto found = groups_.find(group);
  THROUGHLINE_ASSERT(found != groups_.end() && found->second->is_taken);
  const auto of = found->second;
  of->is_taken = false;
  if (of->members.empty()) {
    groups_.erase(found);
  } else {
    turns_.push_back(of);
  }
}

std::vector<pooled_transaction> postgres_turns::remove_if(
    const std::function<bool(const pooled_transaction&)>& leaves) {
  std::vector<pooled_transaction> out;
  const auto remove_from = [&](turn& of) {
    std::erase_if(of.members, [&](pooled_transaction& one) {
      if (!leaves(one)) return false;
      out.push_back(std::move(one));
      return true;
    });
  };
  for (const auto& each : turns_) remove_from(*each);
  for (const auto& [group, each] : groups_) {
    if (each->is_taken) remove_from(*each);
  }
  std::erase_if(turns_, [&](const std::shared_ptr<turn>& each) {
    if (!each->members.empty()) return false;
    groups_.erase(each->group);
    return true;
  });
  size_ -= out.size();
  return out;
}

}  // namespace throughline::sql
