// Watches whether event loops turn: once a second it sends a probe through the mailbox of each, and
// remembers how long the probe had to wait for its turn. A loop that does not come back from
// something shows as a lag that grows. Used by /metrics (the lag) and /readyz (a loop that is
// stuck).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "base/clock.hpp"

namespace throughline::aio {

class loop_watch {
 public:
  static constexpr std::size_t samples_kept = 15;

  /// `home` is the loop that sends the probes, and no loop that does much. All outlive this.
  loop_watch(event_loop& home, event_loops& watched, milliseconds every = milliseconds(1000),
             clock& time = system_clock());
  /// REQUIRES that stop() has returned.
  ~loop_watch();

  [[nodiscard]] std::size_t size() const noexcept;
  /// The longest wait of the last probes, or the time the present one has been waiting if that is
  /// longer. Any thread.
  [[nodiscard]] std::chrono::nanoseconds lag(std::size_t loop) const;
  /// How long the present probe has been waiting; zero: the last one has come back. Any thread.
  [[nodiscard]] std::chrono::nanoseconds waiting(std::size_t loop) const;

  /// Any loop.
  [[nodiscard]] awaitable<> stop();

 private:
  struct state;
  awaitable<> keep_probing(milliseconds every);
  awaitable<> stop_at_home();

  event_loop& home_;
  event_loops& loops_;
  std::shared_ptr<state> state_;  // shared with probes that are under way
  task_group group_;              // the last member
};

}  // namespace throughline::aio
