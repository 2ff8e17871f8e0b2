// One value from any thread to one coroutine: how work on a thread of its own (SQLite, password
// hashing) answers a loop.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "aio/bell.hpp"

namespace throughline::aio {

/// Copies share the one value. `set` once, from any thread; `get` once, on the loop it was made
/// for.
template <class T>
class one_shot {
 public:
  explicit one_shot(event_loop& loop) : shared_(std::make_shared<shared>(loop)) {}

  void set(T value) const {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->value.emplace(std::move(value));
    }
    shared_->ready->ring();
  }

  /// False once everybody but this copy is gone: whoever waited has left. Any thread.
  [[nodiscard]] bool has_listener() const noexcept { return shared_.use_count() > 1; }

  /// Suspends until the value is there, even if the coroutine is cancelled: for callers that must
  /// not leave before the work is done. Whoever promised a value gives one.
  [[nodiscard]] awaitable<T> get() const {
    const auto keep = shared_;
    while (true) {
      if (auto value = keep->take()) co_return std::move(*value);
      co_await keep->ready->wait_uncancelled();
    }
  }

  /// The same, but a cancelled coroutine leaves at once (operation_aborted) and the value is
  /// dropped.
  [[nodiscard]] awaitable<T> get_unless_cancelled() const {
    const auto keep = shared_;
    while (true) {
      if (auto value = keep->take()) co_return std::move(*value);
      co_await keep->ready->wait();
    }
  }

 private:
  struct shared {
    explicit shared(event_loop& loop) : ready(bell::create(loop)) {}
    std::optional<T> take() {
      const std::lock_guard lock(mutex);
      return std::exchange(value, std::nullopt);
    }
    std::mutex mutex;
    std::optional<T> value;
    std::shared_ptr<bell> ready;
  };
  std::shared_ptr<shared> shared_;
};

}  // namespace throughline::aio
