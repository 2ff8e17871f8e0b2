// The transactions that wait for a connection, in the order of their turns. One without a group is
// a turn by itself. Those of a group have one turn between them: they would only wait for each
// other's locks, and hold a connection each. From take() until release() of its group, the next
// ones of the group gather behind it and are no turn.
//
//   push() -> turns -> take() -> run -> release() -> the turn of those that have gathered
//
// Used by postgres_pool; on its loop only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/postgres_runner.hpp"

namespace throughline::sql {

class postgres_turns {
 public:
  /// `together_max` >= 1: transactions of one turn.
  explicit postgres_turns(std::size_t together_max) : together_max_(together_max) {}

  void push(pooled_transaction one);
  /// Before all others: they have had their turn, and are to run again.
  void push_front(std::vector<pooled_transaction> all);
  /// The next turn. REQUIRES has_turn(). Then, once they are run: release().
  [[nodiscard]] std::vector<pooled_transaction> take();
  /// REQUIRES that it was taken, or that it is empty.
  void release(const std::string& group);
  /// Those for which `leaves` holds, in no particular order.
  [[nodiscard]] std::vector<pooled_transaction> remove_if(
      const std::function<bool(const pooled_transaction&)>& leaves);

  /// Whether some of the group wait or were taken.
  [[nodiscard]] bool knows(const std::string& group) const { return groups_.contains(group); }
  [[nodiscard]] bool has_turn() const noexcept { return !turns_.empty(); }
  [[nodiscard]] std::size_t turns() const noexcept { return turns_.size(); }
  /// All that wait, those that gather included.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct turn {
    std::string group;
    std::deque<pooled_transaction> members;
    bool is_taken = false;
  };

  std::shared_ptr<turn> turn_of(const std::string& group);

  const std::size_t together_max_;
  std::deque<std::shared_ptr<turn>> turns_;
  std::unordered_map<std::string, std::shared_ptr<turn>> groups_;  // that wait or were taken
  std::size_t size_ = 0;
};

}  // namespace throughline::sql
