#include "app/redis_storage.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "redis/server_report.hpp"

namespace throughline::app {
namespace {

constexpr milliseconds ask_every{10'000};

std::vector<aio::event_loop*> all_of(aio::event_loops& loops) {
  std::vector<aio::event_loop*> all;
  for (std::size_t i = 0; i < loops.size(); ++i) all.push_back(&loops[i]);
  return all;
}

}  // namespace

redis_storage::redis_storage(redis::server to, aio::event_loops& loops, engine::notices& bells,
                             milliseconds chunk_ttl)
    : home_(loops[0]),
      commands_(all_of(loops), to),
      events_(home_, std::move(to), commands_.here()),
      log_(stream::make_redis_chunk_log(commands_, events_, {.ttl = chunk_ttl})),
      signals_(std::make_unique<shared_signals>(bells, commands_, events_)),
      group_(home_) {
  home_.post([this] { group_.spawn("redis report", keep_asking()); });
}

std::string redis_storage::what_is_wrong() const {
  const auto absence = commands_.here()->away();
  if (!absence) return {};
  const auto time = std::chrono::floor<seconds>(system_clock().wall_now() - absence->since);
  return fmt::format(
      "Redis has been away for {} s ({}): answers go on, and are read from the database when they "
      "are finished",
      time.count(), absence->why);
}

aio::awaitable<> redis_storage::keep_asking() {
  bool has_warned = false;
  while (true) {
    const auto report = co_await redis::ask_report(commands_);
    if (report && !has_warned) {
      has_warned = true;
      for (const auto& warning : redis::warnings_of(*report)) log::warning(warning);
    }
    co_await aio::sleep_for(ask_every);
  }
}

aio::awaitable<> redis_storage::stop() {
  co_await aio::run_on(home_, stop_asking());
  co_await log_->stop();
  signals_.reset();
  co_await events_.stop();
  co_await commands_.stop();
}

aio::awaitable<> redis_storage::stop_asking() {
  co_await group_.stop();
}

}  // namespace throughline::app
