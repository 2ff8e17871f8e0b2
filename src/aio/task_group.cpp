#include "aio/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace throughline::aio {
namespace {

void end_process_if_broken(std::string_view name, const std::exception_ptr& failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) return;
    log::error("a task ended by an exception",
               {{"task", std::string(name)}, {"what", std::string(error.what())}});
  } catch (const std::exception& error) {
    log::error("a task ended by an exception",
               {{"task", std::string(name)}, {"what", std::string(error.what())}});
  }
  log::flush(std::chrono::milliseconds(200));
  std::abort();
}

}  // namespace

task_group::task_group(event_loop& loop) : loop_(loop) {}

task_group::~task_group() {
  THROUGHLINE_ASSERT(running_.empty());
}

task_group::canceller task_group::spawn(std::string_view name, awaitable<> work) {
  if (stopping_)
    return [] {
    };
  const auto item = running_.insert(running_.end(), std::make_shared<entry>());
  const std::weak_ptr<entry> weak = *item;
  auto completed = [this, name, item, keep = *item](const std::exception_ptr& failure) {
    end_process_if_broken(name, failure);
    // The signal lives until this handler has returned: `keep` holds it.
    running_.erase(item);
    if (running_.empty() && ended_) ended_->cancel();
  };
  asio::co_spawn(loop_.get_executor(), std::move(work),
                 asio::bind_cancellation_slot((*item)->signal.slot(), std::move(completed)));
  return [weak] {
    if (const auto still_running = weak.lock()) {
      still_running->signal.emit(asio::cancellation_type::terminal);
    }
  };
}

awaitable<> task_group::stop() {
  stopping_ = true;
  const auto running = running_;  // emitting may end some of them
  for (const auto& item : running) item->signal.emit(asio::cancellation_type::terminal);
  co_await join();
}

awaitable<> task_group::join() {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const asio::cancellation_slot deaf;
  // Everything of a group is on one thread, so nothing can end between the question and the wait.
  while (!running_.empty()) {
    if (!ended_) ended_ = std::make_unique<timer>(loop_.get_executor(), steady_time::max());
    [[maybe_unused]] const auto [ec] =
        co_await ended_->async_wait(asio::bind_cancellation_slot(deaf, as_tuple));
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

}  // namespace throughline::aio
