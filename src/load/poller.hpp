// epoll, and what must be done at a time. Used by the load test on its one thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

namespace throughline::load {

/// CLOCK_MONOTONIC, as the mock model stamps its tokens.
[[nodiscard]] std::int64_t now_ns() noexcept;

class poller {
 public:
  /// Throws std::system_error.
  poller();
  ~poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  /// Reports from now on under `number` when a descriptor becomes readable or writable; not again
  /// as long as it stays so.
  void watch(int descriptor, std::uint32_t number);

  /// Waits until something is ready or `until_ns` is reached. A descriptor that is closed before
  /// its turn comes may still be in the span.
  [[nodiscard]] std::span<const epoll_event> wait(std::int64_t until_ns);

 private:
  int descriptor_ = -1;
  std::array<epoll_event, 512> events_{};
};

}  // namespace throughline::load
