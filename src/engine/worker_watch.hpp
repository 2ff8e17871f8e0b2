// Whether somebody claims what waits, on whatever machine: looked at every few seconds in what the
// workers say of themselves, for /readyz. Reads only.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "store/operations.hpp"

namespace throughline::engine {

class worker_watch {
 public:
  struct options {
    milliseconds every{5000};     // between two looks while nothing is wrong
    milliseconds again{1000};     // while something is
    milliseconds patience{5000};  // a task that has been ready for less is not left alone
    /// This process has no worker of its own: if there is none at all, nothing is answered.
    bool needs_one = false;
  };

  /// Looks from `home`, for the first time after `again`. `at` outlives it.
  worker_watch(aio::event_loop& home, store::operations& at, options how);
  worker_watch(aio::event_loop& home, store::operations& at) : worker_watch(home, at, options{}) {}
  /// REQUIRES that stop() has returned.
  ~worker_watch() = default;

  /// A sentence, as of the last look; empty: nothing is, or the database did not answer. Any
  /// thread.
  [[nodiscard]] std::string what_is_wrong() const;

  [[nodiscard]] aio::awaitable<> stop();

 private:
  aio::awaitable<> keep_looking();
  aio::awaitable<> stop_at_home();

  aio::event_loop& home_;
  store::operations& at_;
  const options options_;
  mutable std::mutex mutex_;
  std::string wrong_;
  aio::task_group group_;  // the last member
};

/// What to say about it; empty: nothing. Pure.
[[nodiscard]] std::string describe_gaps(const store::service_state& now, milliseconds patience,
                                        bool needs_one);

}  // namespace throughline::engine
