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

  /// Suspends until the value is there. Is not cancelled: whoever promised a value gives one.
  [[nodiscard]] awaitable<T> get() const {
    const auto keep = shared_;
    while (true) {
      {
        const std::lock_guard lock(keep->mutex);
        if (keep->value) co_return std::move(*keep->value);
      }
      co_await keep->ready->wait_uncancelled();
    }
  }

 private:
  struct shared {
    explicit shared(event_loop& loop) : ready(bell::create(loop)) {}
    std::mutex mutex;
    std::optional<T> value;
    std::shared_ptr<bell> ready;
  };
  std::shared_ptr<shared> shared_;
};

}  // namespace throughline::aio
