// How many event streams each principal has open, so that one cannot take them all. Thread-safe.
#pragma once

#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/error.hpp"
#include "store/records.hpp"

namespace throughline::api {

class stream_tickets {
 public:
  explicit stream_tickets(std::size_t per_owner_max) : per_owner_max_(per_owner_max) {}

  /// One open stream; gives its place back when it dies. The stream_tickets outlive it.
  class ticket {
   public:
    ticket(ticket&& from) noexcept
        : of_(std::exchange(from.of_, nullptr)), owner_(std::move(from.owner_)) {}
    ticket& operator=(ticket&&) = delete;
    ~ticket() {
      if (of_ != nullptr) of_->give_back(owner_);
    }

   private:
    friend class stream_tickets;
    ticket(stream_tickets& of, store::owner_id owner) : of_(&of), owner_(std::move(owner)) {}
    stream_tickets* of_;
    store::owner_id owner_;
  };

  /// `too_many_requests` when the principal has as many open as it may.
  [[nodiscard]] result<ticket> take(const store::owner_id& owner) {
    const std::lock_guard lock(mutex_);
    auto& open = open_[owner];
    if (open >= per_owner_max_) {
      if (open == 0) open_.erase(owner);
      return fail(
          errc::too_many_requests,
          "There are " + std::to_string(per_owner_max_) + " open streams already; close some first",
          std::chrono::seconds(5));
    }
    ++open;
    return ticket(*this, owner);
  }

  [[nodiscard]] std::size_t open(const store::owner_id& owner) const {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(owner);
    return found == open_.end() ? 0 : found->second;
  }

 private:
  void give_back(const store::owner_id& owner) {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(owner);
    if (--found->second == 0) open_.erase(found);
  }

  const std::size_t per_owner_max_;
  mutable std::mutex mutex_;
  std::unordered_map<store::owner_id, std::size_t> open_;
};

}  // namespace throughline::api
