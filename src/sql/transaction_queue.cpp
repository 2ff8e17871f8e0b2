#include "sql/transaction_queue.hpp"

#include "aio/event_loop.hpp"
#include "base/assert.hpp"

namespace throughline::sql {

aio::awaitable<result<void>> transaction_queue::run(transaction_body body) {
  auto* loop = aio::event_loop::current();
  THROUGHLINE_ASSERT(loop != nullptr);
  const aio::one_shot<result<void>> answer(*loop);
  {
    const std::lock_guard lock(mutex_);
    THROUGHLINE_ASSERT(!closed_);
    if (waiting_.size() >= waiting_max_) {
      co_return fail(errc::overloaded, "too many requests are waiting for the database");
    }
    waiting_.push_back({std::move(body), answer});
    shown_.add(1);
  }
  added_.notify_one();
  auto outcome = co_await answer.get();
  co_return outcome;
}

std::vector<waiting_transaction> transaction_queue::take(std::size_t most) {
  std::unique_lock lock(mutex_);
  added_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  std::vector<waiting_transaction> taken;
  while (!waiting_.empty() && taken.size() < most) {
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  shown_.add(-static_cast<std::int64_t>(taken.size()));
  return taken;
}

void transaction_queue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  added_.notify_all();
}

}  // namespace throughline::sql
