#include "aio/event_loop.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "aio/bell.hpp"
#include "base/assert.hpp"

namespace throughline::aio {
namespace {
thread_local event_loop* current_loop = nullptr;
}

event_loop::event_loop() : work_(context_.get_executor()) {}

event_loop::~event_loop() {
  // What is still in the mailbox may own timers of this context: it goes first.
  close();
  while (!waiting_.empty()) waiting_.front().abandon();
}

void event_loop::close() {
  std::vector<std::function<void()>> posted;
  std::vector<std::shared_ptr<bell>> rung;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    posted.swap(posted_);
    rung.swap(rung_);
  }
  // Whoever woke it may be done with all that, and still be on his way out of the context.
  while (wakers_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  // Nothing runs any more: what was rung here is dropped too.
  const auto rung_here = std::exchange(rung_here_, {});
  // What is dropped here may ring and post in its turn: outside the lock.
}

void event_loop::post(std::function<void()> work) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    posted_.push_back(std::move(work));
    wake = !std::exchange(wake_pending_, true);
    if (wake) wakers_.fetch_add(1, std::memory_order_relaxed);
  }
  if (wake) wake_up();
}

void event_loop::deliver(std::shared_ptr<bell> rung) {
  if (is_current()) {
    rung_here_.push_back(std::move(rung));
    if (std::exchange(wake_here_pending_, true)) return;
    asio::post(context_, [this] {
      wake_here_pending_ = false;
      waking_.swap(rung_here_);
      wake(waking_);
    });
    return;
  }
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    rung_.push_back(std::move(rung));
    wake = !std::exchange(wake_pending_, true);
    if (wake) wakers_.fetch_add(1, std::memory_order_relaxed);
  }
  if (wake) wake_up();
}

void event_loop::wake_up() {
  asio::post(context_, [this] { drain(); });
  wakers_.fetch_sub(1, std::memory_order_release);
}

void event_loop::drain() {
  std::vector<std::function<void()>> posted;
  std::vector<std::shared_ptr<bell>> rung;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
    rung.swap(rung_);
    wake_pending_ = false;
  }
  for (auto& work : posted) work();
  wake(rung);
}

void event_loop::wake(std::vector<std::shared_ptr<bell>>& rung) {
  for (const auto& bell : rung) bell->wake();
  rung.clear();
}

bool event_loop::is_current() const noexcept {
  return current_loop == this;
}

event_loop* event_loop::current() noexcept {
  return current_loop;
}

void event_loop::run() {
  current_loop = this;
  context_.run();
  current_loop = nullptr;
}

void event_loop::stop() {
  context_.stop();
}

event_loops::event_loops(std::size_t size, const std::string& name) {
  THROUGHLINE_ASSERT(size >= 1);
  for (std::size_t i = 0; i < size; ++i) loops_.push_back(std::make_unique<event_loop>());
  for (std::size_t i = 0; i < size; ++i) {
    threads_.emplace_back([this, i] { loops_[i]->run(); });
    const auto thread_name = (name + "/" + std::to_string(i)).substr(0, 15);
    pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
  }
}

event_loops::~event_loops() {
  stop_and_join();
  // The mailbox of one loop may hold what belongs to another: all are emptied before the first loop
  // dies.
  for (auto& loop : loops_) loop->close();
}

event_loop& event_loops::next() noexcept {
  return *loops_[turn_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

void event_loops::stop_and_join() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace throughline::aio
