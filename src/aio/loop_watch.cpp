#include "aio/loop_watch.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>

namespace throughline::aio {

struct loop_watch::state {
  explicit state(std::size_t loops, clock& clocks) : time(clocks), all(loops) {}

  struct one_loop {
    std::optional<steady_time> sent;  // of the probe under way
    std::array<std::chrono::nanoseconds, samples_kept> lags{};
    std::size_t turn = 0;
  };

  /// False: the one before has not come back.
  bool begin(std::size_t loop) {
    const std::lock_guard lock(mutex);
    if (all[loop].sent) return false;
    all[loop].sent = time.steady_now();
    return true;
  }

  void end(std::size_t loop) {
    const auto now = time.steady_now();
    const std::lock_guard lock(mutex);
    auto& one = all[loop];
    one.lags[one.turn++ % samples_kept] = now - *one.sent;
    one.sent.reset();
  }

  std::chrono::nanoseconds waiting(std::size_t loop) {
    const std::lock_guard lock(mutex);
    const auto& sent = all[loop].sent;
    return sent ? time.steady_now() - *sent : std::chrono::nanoseconds(0);
  }

  std::chrono::nanoseconds lag(std::size_t loop) {
    const auto present = waiting(loop);
    const std::lock_guard lock(mutex);
    return std::max(present, *std::ranges::max_element(all[loop].lags));
  }

  clock& time;
  std::mutex mutex;
  std::vector<one_loop> all;
};

loop_watch::loop_watch(event_loop& home, event_loops& watched, milliseconds every, clock& time)
    : home_(home),
      loops_(watched),
      state_(std::make_shared<state>(watched.size(), time)),
      group_(home) {
  home_.post([this, every] { group_.spawn("loop watch", keep_probing(every)); });
}

loop_watch::~loop_watch() = default;

std::size_t loop_watch::size() const noexcept {
  return state_->all.size();
}

std::chrono::nanoseconds loop_watch::lag(std::size_t loop) const {
  return state_->lag(loop);
}

std::chrono::nanoseconds loop_watch::waiting(std::size_t loop) const {
  return state_->waiting(loop);
}

awaitable<> loop_watch::keep_probing(milliseconds every) {
  while (true) {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      if (!state_->begin(i)) continue;
      loops_[i].post([shared = state_, i] { shared->end(i); });
    }
    co_await sleep_for(every);
  }
}

awaitable<> loop_watch::stop() {
  co_await run_on(home_, stop_at_home());
}
awaitable<> loop_watch::stop_at_home() {
  co_await group_.stop();
}

}  // namespace throughline::aio
