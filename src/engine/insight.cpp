#include "engine/insight.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/log.hpp"
#include "base/process_stats.hpp"
#include "engine/terminal.hpp"

namespace throughline::engine {
namespace {

/// A name that is out of use disappears from the database, not from /metrics: there are never more
/// of them than this.
constexpr std::size_t queues_shown_max = 100;

const std::array<std::pair<store::task_state, const char*>, 5> open_states{{
    {store::task_state::blocked, "blocked"},
    {store::task_state::delayed, "delayed"},
    {store::task_state::waiting, "waiting"},
    {store::task_state::ready, "ready"},
    {store::task_state::running, "running"},
}};

bool waits_for_a_worker(store::task_state state) {
  return state == store::task_state::ready || state == store::task_state::waiting;
}

/// Counters that are to be seen as zero before the first event: a rate begins with something.
void show_zeros() {
  for (const auto state :
       {store::task_state::succeeded, store::task_state::cancelled, store::task_state::failed}) {
    metrics::find_counter(metrics::answers, {std::string(to_ending(state))}).add(0);
  }
  constexpr std::array causes{errc::provider_unreachable,
                              errc::provider_unavailable,
                              errc::provider_rate_limited,
                              errc::provider_refused,
                              errc::provider_unauthorized,
                              errc::provider_timeout,
                              errc::provider_truncated,
                              errc::provider_bad_response,
                              errc::provider_error,
                              errc::provider_missing,
                              errc::worker_lost};
  for (const auto cause : causes) {
    const std::string name(describe(cause).code);
    metrics::find_counter(metrics::attempts_failed, {name}).add(0);
    if (describe(cause).retryable) metrics::find_counter(metrics::retries, {name}).add(0);
  }
  for (const auto* connection : {"commands", "subscriptions"}) {
    metrics::find_counter(metrics::redis_reconnects, {connection}).add(0);
  }
  metrics::find_counter(metrics::redis_commands_failed, {"out_of_memory"}).add(0);
  for (const auto* cause : {"handed_back", "restart"}) {
    metrics::find_counter(metrics::retries, {cause}).add(0);
  }
}

}  // namespace

/// The gauges that the database's answer sets; what it does not name is zero.
class insight::queue_gauges {
 public:
  explicit queue_gauges(const std::vector<std::string>& queues) {
    for (const auto& name : queues) add_queue(name);
  }

  void show(const std::vector<store::task_queue::census_line>& counted) {
    std::map<store::task_state, std::int64_t> by_state;
    std::map<std::string, std::pair<std::int64_t, milliseconds>> by_queue;
    std::int64_t unserved = 0;
    for (const auto& line : counted) {
      by_state[line.state] += line.count;
      if (line.workers == 0) unserved += line.count;
      auto& [depth, oldest] = by_queue[line.queue];
      if (!waits_for_a_worker(line.state)) continue;
      depth += line.count;
      oldest = std::max(oldest, line.oldest);
    }
    for (const auto& [state, name] : open_states) {
      metrics::find_gauge(metrics::tasks, {name}).set(by_state[state]);
    }
    for (const auto& [name, figures] : by_queue) add_queue(name);
    for (const auto& name : names_) {
      const auto& [depth, oldest] = by_queue[name];
      metrics::find_gauge(metrics::queue_depth, {name}).set(depth);
      metrics::find_gauge(metrics::queue_age, {name}).set(oldest);
    }
    metrics::find_gauge(metrics::queue_unserved).set(unserved);
  }

 private:
  void add_queue(const std::string& name) {
    if (names_.size() < queues_shown_max) names_.insert(name);
  }

  std::set<std::string> names_;
};

insight::insight(aio::event_loop& home, insight_sources on, options how)
    : home_(home),
      on_(std::move(on)),
      options_(how),
      gauges_(std::make_unique<queue_gauges>(on_.queues)),
      wanted_(aio::bell::create(home)),
      group_(home) {
  show_zeros();
  metrics::find_gauge(metrics::build, {THROUGHLINE_VERSION}).set(std::int64_t{1});
  home_.post([this] { group_.spawn("insight", keep_asking()); });
}

insight::~insight() = default;

aio::awaitable<std::vector<metrics::family>> insight::look() {
  auto all = co_await aio::run_on(home_, look_at_home());
  co_return all;
}

aio::awaitable<std::vector<metrics::family>> insight::look_at_home() {
  const auto now = std::chrono::steady_clock::now();
  const bool is_old = !answered_at_ || now - *answered_at_ >= options_.fresh;
  if (is_old && !is_asking_) {
    is_asking_ = true;
    wanted_->ring();
  }
  if (is_old) {
    const auto mine = aio::bell::create(home_);
    waiting_.push_back(mine);
    [[maybe_unused]] const bool answered = co_await mine->wait_until(now + options_.patience);
    std::erase(waiting_, mine);
  }
  show_the_rest();
  co_return metrics::snapshot();
}

// One question at a time: a database that hangs holds up this coroutine and nothing else.
aio::awaitable<> insight::keep_asking() {
  while (true) {
    co_await wanted_->wait();
    const auto counted = co_await on_.queue.census(stuck_worker());
    if (counted) {
      gauges_->show(*counted);
      answered_at_ = std::chrono::steady_clock::now();
    } else {
      log::warning("the queue could not be counted for /metrics",
                   {{"why", counted.error().detail}});
    }
    is_asking_ = false;
    for (const auto& one : waiting_) one->ring();
  }
}

std::optional<worker_id> insight::stuck_worker() const {
  if (on_.local_worker == nullptr) return std::nullopt;
  const auto silence = std::chrono::steady_clock::now() - on_.local_worker->last_progress();
  return silence < options_.alive ? std::nullopt : std::optional(on_.local_worker->id());
}

void insight::show_the_rest() const {
  const auto now = std::chrono::steady_clock::now();
  const auto stats = read_process_stats(::getpid()).value_or(process_stats{});
  const auto logs = on_.log.totals();
  metrics::find_gauge(metrics::queue_sample_age)
      .set(answered_at_ ? now - *answered_at_ : now - steady_time{});
  metrics::find_gauge(metrics::chunk_logs).set(static_cast<std::int64_t>(logs.logs));
  metrics::find_gauge(metrics::chunk_log_bytes).set(static_cast<std::int64_t>(logs.bytes));
  for (std::size_t i = 0; i < on_.loops.size(); ++i) {
    metrics::find_gauge(metrics::loop_lag, {std::to_string(i)}).set(on_.loops.lag(i));
  }
  if (on_.local_worker != nullptr) {
    metrics::find_gauge(metrics::worker_running).set(on_.local_worker->running());
    metrics::find_gauge(metrics::worker_progress_age).set(now - on_.local_worker->last_progress());
  }
  metrics::find_counter(metrics::process_cpu).set(static_cast<std::uint64_t>(stats.cpu_s * 1e9));
  metrics::find_gauge(metrics::process_memory).set(stats.resident_bytes);
  metrics::find_gauge(metrics::process_descriptors).set(stats.descriptors);
  metrics::find_gauge(metrics::process_descriptors_max).set(stats.descriptors_max);
  metrics::find_gauge(metrics::process_start)
      .set(std::chrono::nanoseconds(process_start().time_since_epoch()));
}

aio::awaitable<> insight::stop() {
  co_await aio::run_on(home_, stop_at_home());
}
aio::awaitable<> insight::stop_at_home() {
  co_await group_.stop();
}

}  // namespace throughline::engine
