#include "engine/readiness.hpp"

#include <fmt/format.h>

namespace throughline::engine {
namespace {

std::int64_t in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::floor<seconds>(time).count();
}

std::string describe_trouble(errc what) {
  return what == errc::storage_full
             ? "the disk is full: nothing new is taken, what is stored is served"
             : "the database cannot write: nothing new is taken, what is stored is served";
}

/// A part without which the process still is of use.
void add_helper(readiness_report& out, std::string_view name, std::string why) {
  using verdict = readiness_report::verdict;
  if (!why.empty()) {
    out.reasons.push_back(why);
    if (out.is == verdict::ready) out.is = verdict::degraded;
  }
  out.parts.push_back({name, std::move(why)});
}

}  // namespace

readiness::readiness(aio::event_loop& home, sources on, options how, clock& time)
    : home_(home),
      on_(std::move(on)),
      options_(how),
      time_(time),
      asked_(aio::bell::create(home)),
      group_(home) {
  home_.post([this] { group_.spawn("readiness", keep_asking()); });
}

readiness::~readiness() = default;

aio::awaitable<> readiness::stop() {
  co_await aio::run_on(home_, stop_at_home());
}
aio::awaitable<> readiness::stop_at_home() {
  co_await group_.stop();
}

void readiness::begin_draining() {
  draining_.store(true, std::memory_order_relaxed);
}
bool readiness::is_draining() const {
  return draining_.load(std::memory_order_relaxed);
}

// One question at a time, however many ask: a database that hangs holds up this coroutine and
// nothing else.
aio::awaitable<> readiness::keep_asking() {
  while (true) {
    co_await asked_->wait();
    const auto body = [](sql::transaction& in) -> aio::awaitable<result<bool>> {
      const auto rows = co_await in.execute("SELECT 1");
      co_return rows.size() == 1;
    };
    const auto answer = co_await on_.database.read<bool>(body);
    std::vector<std::shared_ptr<probe>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const auto& one : waiting) {
      one->database_answered.store(answer.has_value(), std::memory_order_release);
      one->answered->ring();
    }
    // Perhaps nobody else writes, and would find out that it is over. After the answers: somebody
    // may hold the database for seconds.
    if (on_.database.write_trouble()) {
      [[maybe_unused]] const auto tried = co_await on_.database.try_writing();
    }
  }
}

aio::awaitable<bool> readiness::database_answers(aio::event_loop& here) {
  auto mine = std::make_shared<probe>();
  mine->answered = aio::bell::create(here);
  {
    const std::lock_guard lock(mutex_);
    // Those who asked before and were not willing to wait any longer.
    std::erase_if(waiting_, [](const auto& one) { return one.use_count() == 1; });
    waiting_.push_back(mine);
  }
  asked_->ring();
  const auto deadline = std::chrono::steady_clock::now() + options_.database_patience;
  [[maybe_unused]] const bool in_time = co_await mine->answered->wait_until(deadline);
  co_return mine->database_answered.load(std::memory_order_acquire);
}

std::string readiness::what_is_wrong_with_worker() const {
  const auto pulse = on_.pulse();
  const auto now = time_.steady_now();
  if (now - pulse.claimed > options_.worker_patience) {
    return fmt::format("the worker could not claim a task for {} s",
                       in_seconds(now - pulse.claimed));
  }
  if (now - pulse.renewed > options_.worker_patience) {
    return fmt::format("the worker could not renew its lease for {} s",
                       in_seconds(now - pulse.renewed));
  }
  return {};
}

std::string readiness::what_is_wrong_with_loops() const {
  for (std::size_t i = 0; i < on_.loops->size(); ++i) {
    const auto waiting = on_.loops->waiting(i);
    if (waiting <= options_.loop_patience) continue;
    return fmt::format("event loop {} has been stuck for {} s", i, in_seconds(waiting));
  }
  return {};
}

aio::awaitable<readiness_report> readiness::report(aio::event_loop& here) {
  readiness_report out;
  if (is_draining()) {
    out.is = readiness_report::verdict::not_ready;
    out.reasons.emplace_back("the server is going down");
    co_return out;
  }
  const bool answers = co_await database_answers(here);
  out.parts.push_back({"database", answers ? std::string()
                                           : fmt::format("the database did not answer within {} s",
                                                         in_seconds(options_.database_patience))});
  if (on_.pulse) out.parts.push_back({"worker", what_is_wrong_with_worker()});
  if (on_.loops != nullptr) out.parts.push_back({"event_loops", what_is_wrong_with_loops()});
  for (const auto& part : out.parts) {
    if (!part.why.empty()) out.reasons.push_back(part.why);
  }
  if (!out.reasons.empty()) out.is = readiness_report::verdict::not_ready;
  // What is stored is served all the same.
  const auto trouble = on_.database.write_trouble();
  add_helper(out, "storage", trouble ? describe_trouble(*trouble) : std::string());
  for (const auto& one : on_.helpers) add_helper(out, one.name, one.what_is_wrong());
  co_return out;
}

}  // namespace throughline::engine
