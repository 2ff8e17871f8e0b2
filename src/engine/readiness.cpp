#include "engine/readiness.hpp"

#include "engine/worker.hpp"

namespace throughline::engine {
namespace {

constexpr milliseconds database_patience{2000};
constexpr milliseconds worker_patience{10'000};

}  // namespace

readiness::readiness(aio::event_loop& home, sql::database& database, worker* local_worker)
    : home_(home),
      database_(database),
      worker_(local_worker),
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
    const auto answer = co_await database_.read<bool>(body);
    // Perhaps nobody else writes, and would find out that it is over.
    if (database_.write_trouble()) {
      [[maybe_unused]] const auto tried = co_await database_.try_writing();
    }
    std::vector<std::shared_ptr<probe>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const auto& one : waiting) {
      one->database_answered.store(answer.has_value(), std::memory_order_release);
      one->answered->ring();
    }
  }
}

aio::awaitable<readiness_report> readiness::report(aio::event_loop& here) {
  readiness_report out;
  if (is_draining()) {
    out.is = readiness_report::verdict::not_ready;
    out.reasons.emplace_back("the server is going down");
    co_return out;
  }
  auto mine = std::make_shared<probe>();
  mine->answered = aio::bell::create(here);
  {
    const std::lock_guard lock(mutex_);
    // Those who asked before and were not willing to wait any longer.
    std::erase_if(waiting_, [](const auto& one) { return one.use_count() == 1; });
    waiting_.push_back(mine);
  }
  asked_->ring();
  [[maybe_unused]] const bool in_time =
      co_await mine->answered->wait_until(std::chrono::steady_clock::now() + database_patience);
  if (!mine->database_answered.load(std::memory_order_acquire)) {
    out.is = readiness_report::verdict::not_ready;
    out.reasons.emplace_back("the database did not answer within 2 s");
  } else if (worker_ != nullptr &&
             std::chrono::steady_clock::now() - worker_->last_progress() > worker_patience) {
    out.is = readiness_report::verdict::not_ready;
    out.reasons.emplace_back("the worker of this process makes no progress");
  } else if (const auto trouble = database_.write_trouble()) {
    out.is = readiness_report::verdict::degraded;
    out.reasons.emplace_back(
        *trouble == errc::storage_full
            ? "the disk is full: nothing new is taken, what is stored is served"
            : "the database cannot write: nothing new is taken, what is stored "
              "is served");
  }
  co_return out;
}

}  // namespace throughline::engine
