#include "redis/lane.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/metrics.hpp"

namespace throughline::redis {
namespace {

metrics::histogram& command_times = metrics::find_histogram(metrics::redis_command_time);

metrics::counter& failures(std::string_view cause) {
  return metrics::find_counter(metrics::redis_commands_failed, {std::string(cause)});
}
metrics::counter& failed_away = failures("away");
metrics::counter& failed_full = failures("queue_full");
metrics::counter& failed_late = failures("timeout");
metrics::counter& failed_lost = failures("lost");

}  // namespace

lane::lane(aio::event_loop& loop, server to, std::shared_ptr<presence> here, lane_options options)
    : loop_(loop),
      to_(to),
      options_(options),
      alarm_(std::make_shared<aio::timer>(loop.get_executor())),
      link_(loop, "commands", std::move(to), std::move(here), options.link, *this) {}

aio::awaitable<> lane::stop() {
  is_stopped_ = true;
  alarm_->cancel();
  co_await link_.stop();
  const auto why = fail(errc::unavailable, "this process stops");
  fail_all(sent_, why);
  fail_all(waiting_, why);
}

void lane::submit(std::shared_ptr<call> next) {
  if (is_stopped_) return next->done(fail(errc::unavailable, "this process stops"));
  if (link_.now() == link::state::away) {
    failed_away.add();
    return next->done(away_);
  }
  const bool is_full = sent_.size() + waiting_.size() >= options_.calls_max ||
                       bytes_ + next->what.bytes() > options_.bytes_max;
  if (is_full) {
    failed_full.add();
    return next->done(fail(errc::unavailable, "too many commands wait for Redis"));
  }
  next->began = std::chrono::steady_clock::now();
  next->deadline = next->began + options_.command_timeout;
  bytes_ += next->what.bytes();
  if (link_.now() == link::state::up) {
    send(std::move(next));
  } else {
    waiting_.push_back(std::move(next));
  }
  if (!is_armed_) arm();
}

void lane::send(std::shared_ptr<call> next) {
  using enum command::naming;
  link_.send(next->what, next->was_unknown ? in_full : by_digest);
  sent_.push_back(std::move(next));
}

void lane::on_up() {
  auto ready = std::exchange(waiting_, {});
  for (auto& each : ready) send(std::move(each));
}

void lane::on_value(value got) {
  if (got.is == value_kind::push) return;
  if (sent_.empty()) {
    link_.drop(fail(errc::unavailable, "Redis answered what it was not asked"), false);
    return;
  }
  const auto answered = std::move(sent_.front());
  sent_.pop_front();
  if (got.is == value_kind::error) {
    const auto why = refusal_of(got.text);
    if (why == refusal::no_script && answered->what.is_script() && !answered->was_unknown) {
      answered->was_unknown = true;
      return send(answered);
    }
    failures(to_string(why)).add();
    // Behind the same name there may soon be another server, which is the primary.
    if (why == refusal::read_only) link_.drop(error_of(got.text), true);
  }
  complete(answered, std::move(got));
}

void lane::complete(const std::shared_ptr<call>& answered, result<value> with) {
  bytes_ -= answered->what.bytes();
  if (with) command_times.observe(std::chrono::steady_clock::now() - answered->began);
  answered->done(std::move(with));
}

void lane::on_lost(const error& why) {
  failed_lost.add(sent_.size());
  fail_all(sent_, why);
  if (link_.now() == link::state::away) on_away(why);
}

void lane::on_away(const error& why) {
  away_ = why;
  failed_away.add(waiting_.size());
  fail_all(waiting_, why);
}

void lane::fail_all(std::deque<std::shared_ptr<call>>& which, const error& why) {
  // Whoever is told may call again.
  const auto all = std::exchange(which, {});
  for (const auto& each : all) complete(each, why);
}

void lane::arm() {
  auto first = steady_time::max();
  for (const auto* which : {&sent_, &waiting_}) {
    for (const auto& each : *which) first = std::min(first, each->deadline);
  }
  is_armed_ = first != steady_time::max();
  if (!is_armed_) return;
  alarm_->expires_at(first);
  alarm_->async_wait([this, alive = std::weak_ptr(alarm_)](const aio::error_code& moved) {
    const auto still = alive.lock();
    if (!moved && still) expire();
  });
}

void lane::expire() {
  const auto now = std::chrono::steady_clock::now();
  const auto is_late = [&](const std::shared_ptr<call>& each) {
    return each->deadline <= now;
  };
  if (std::ranges::any_of(sent_, is_late)) {
    const auto late = std::ranges::count_if(sent_, is_late);
    failed_late.add(static_cast<std::uint64_t>(late));
    link_.drop(
        fail(errc::unavailable, fmt::format("Redis at {} has not answered for {} ms", to_.at.name(),
                                            options_.command_timeout.count())),
        true);
  }
  std::deque<std::shared_ptr<call>> late;
  std::erase_if(waiting_, [&](const std::shared_ptr<call>& each) {
    if (!is_late(each)) return false;
    late.push_back(each);
    return true;
  });
  failed_late.add(late.size());
  fail_all(late, fail(errc::unavailable,
                      fmt::format("Redis at {} cannot be reached in time", to_.at.name())));
  arm();
}

}  // namespace throughline::redis
