#include "engine/worker_watch.hpp"

namespace throughline::engine {
namespace {
constexpr std::size_t queues_named_max = 5;
}

std::string describe_gaps(const store::service_state& now, milliseconds patience, bool needs_one) {
  if (needs_one && now.workers == 0) {
    return "no worker is alive: what is posted waits until one is started";
  }
  std::string names;
  std::size_t count = 0;
  for (const auto& gap : now.gaps) {
    if (gap.waited < patience || ++count > queues_named_max) continue;
    names += (names.empty() ? "" : ", ") + gap.queue;
  }
  if (count == 0) return {};
  if (count > queues_named_max) names += " and more";
  return "no live worker serves the queue" + std::string(count > 1 ? "s " : " ") + names +
         ", in which tasks wait";
}

worker_watch::worker_watch(aio::event_loop& home, store::operations& at, options how)
    : home_(home), at_(at), options_(how), group_(home) {
  home_.post([this] { group_.spawn("worker watch", keep_looking()); });
}

std::string worker_watch::what_is_wrong() const {
  const std::lock_guard lock(mutex_);
  return wrong_;
}

aio::awaitable<> worker_watch::keep_looking() {
  auto pause = options_.again;
  while (true) {
    co_await aio::sleep_for(pause);
    const auto now = co_await at_.service();
    auto wrong = now ? describe_gaps(*now, options_.patience, options_.needs_one) : std::string();
    pause = now && wrong.empty() ? options_.every : options_.again;
    const std::lock_guard lock(mutex_);
    wrong_ = std::move(wrong);
  }
}

aio::awaitable<> worker_watch::stop() {
  co_await aio::run_on(home_, stop_at_home());
}
aio::awaitable<> worker_watch::stop_at_home() {
  co_await group_.stop();
}

}  // namespace throughline::engine
