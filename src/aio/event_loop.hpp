// Event loops: one thread, one `io_context`, one mailbox each. Everything of one connection or one
// generation stays on its loop; work crosses threads only through a mailbox. Pushing takes a mutex
// for a moment, and only the push that finds the mailbox empty wakes the loop up, so a burst costs
// one wake-up.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aio/asio.hpp"

namespace throughline::aio {

class bell;

namespace detail {

/// Something that holds a suspended coroutine of a loop. When the loop dies first, the coroutine
/// dies with it.
class loop_waiter : public boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~loop_waiter() = default;
  virtual void abandon() noexcept = 0;
};

}  // namespace detail

class event_loop {
 public:
  event_loop();
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  [[nodiscard]] executor get_executor() noexcept { return context_.get_executor(); }
  [[nodiscard]] asio::io_context& context() noexcept { return context_; }

  /// Runs `work` on this loop's thread, after what was posted before. Any thread. Work posted after
  /// the loop has stopped is destroyed without being run.
  void post(std::function<void()> work);

  /// True on the thread that runs this loop.
  [[nodiscard]] bool is_current() const noexcept;
  /// The loop this thread runs, or nullptr.
  [[nodiscard]] static event_loop* current() noexcept;

  /// Runs until stop(). For event_loops and for tests.
  void run();
  /// Any thread. What is suspended stays suspended: stop the task groups first.
  void stop();

 private:
  friend class bell;
  friend class event_loops;
  void deliver(std::shared_ptr<bell> rung);
  void add_waiter(detail::loop_waiter& waits) { waiting_.push_back(waits); }
  /// Counted in wakers_ beforehand.
  void wake_up();
  void drain();
  void wake(std::vector<std::shared_ptr<bell>>& rung);
  /// Empties the mailbox; from now on what comes is dropped.
  void close();

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::shared_ptr<bell>> rung_;
  bool wake_pending_ = false;
  bool closed_ = false;
  std::atomic<int> wakers_{0};  // threads in wake_up()
  // Of this loop's own thread, which needs no mailbox: bells that were rung there.
  std::vector<std::shared_ptr<bell>> rung_here_;
  std::vector<std::shared_ptr<bell>> waking_;  // empty; keeps its memory
  bool wake_here_pending_ = false;
  boost::intrusive::list<detail::loop_waiter, boost::intrusive::constant_time_size<false>> waiting_;
  // Last, so that it dies first: frames that are still suspended die with it, and may ring and post
  // while they do.
  asio::io_context context_{1};
  asio::executor_work_guard<executor> work_;
};

/// A fixed set of loops on threads of their own.
class event_loops {
 public:
  /// `size` >= 1. The threads start at once and are named `name/0`, `name/1`, ...
  event_loops(std::size_t size, const std::string& name);
  /// Stops and joins.
  ~event_loops();

  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }
  [[nodiscard]] event_loop& operator[](std::size_t i) noexcept { return *loops_[i]; }
  /// The next one in turn. Any thread.
  [[nodiscard]] event_loop& next() noexcept;

  void stop_and_join();

 private:
  std::vector<std::unique_ptr<event_loop>> loops_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace throughline::aio
