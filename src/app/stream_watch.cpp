#include "app/stream_watch.hpp"

#include <algorithm>

namespace throughline::app {

void stream_watch::received(stream::position at, steady_time when) {
  received_.push_back({at, when});
}

void stream_watch::known(stream::position at, steady_time when) {
  known_.push_back({at, when});
}

milliseconds stream_watch::longest_delay(steady_time end) const {
  milliseconds longest{0};
  for (const auto& known : known_) {
    const auto arrival =
        std::ranges::find_if(received_, [&known](const moment& one) { return one.at >= known.at; });
    const auto arrived = arrival == received_.end() ? end : arrival->when;
    longest = std::max(longest, std::chrono::duration_cast<milliseconds>(arrived - known.when));
  }
  return longest;
}

std::size_t stream_watch::lumps() const {
  constexpr milliseconds together{20};
  std::size_t count = 0;
  auto last = steady_time::min();
  for (const auto& one : received_) {
    if (count == 0 || one.when - last > together) ++count;
    last = one.when;
  }
  return count;
}

}  // namespace throughline::app
