#include "engine/provider_places.hpp"

#include <algorithm>

namespace throughline::engine {

provider_places::provider_places(const provider_limits& limits) {
  for (const auto& [name, limit] : limits) {
    auto& fresh = limited_[name];
    fresh.limit = limit;
    fresh.running = &metrics::find_gauge(metrics::provider_running, {name});
    metrics::find_gauge(metrics::provider_limit, {name}).set(limit);
  }
}

provider_places::places* provider_places::find(const std::string& provider) noexcept {
  const auto found = limited_.find(provider);
  return found == limited_.end() ? nullptr : &found->second;
}

// As many of `wanted` as are free, possibly none.
std::int64_t provider_places::take_of(places& of, std::int64_t wanted) noexcept {
  std::int64_t taken = of.taken.load();
  std::int64_t most = 0;
  do {
    most = std::min(wanted, of.limit - taken);
    if (most <= 0) return 0;
  } while (!of.taken.compare_exchange_weak(taken, taken + most));
  return most;
}

bool provider_places::take(const std::string& provider) noexcept {
  auto* const of = find(provider);
  return of == nullptr || take_of(*of, 1) == 1;
}

std::vector<store::provider_room> provider_places::take_free(std::int64_t most) {
  std::vector<store::provider_room> rooms;
  rooms.reserve(limited_.size());
  for (auto& [name, of] : limited_) rooms.push_back({name, take_of(of, most)});
  return rooms;
}

bool provider_places::leave(const std::string& provider, std::int64_t count) noexcept {
  auto* const of = find(provider);
  if (of == nullptr || count == 0) return false;
  return of->taken.fetch_sub(count) == of->limit;
}

void provider_places::count(const std::string& provider, std::int64_t more) noexcept {
  if (auto* const of = find(provider)) of->running->add(more);
}

}  // namespace throughline::engine
