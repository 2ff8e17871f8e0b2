// How many answers of each provider a worker may write at once, and how many it writes: a provider
// with a limit has that many places, and each answer that is written, is about to be, or is being
// claimed has one. Whoever finds none leaves the task in the queue.
//
// Shown in /metrics, for the providers that have a limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "store/task_queue.hpp"

namespace throughline::engine {

/// By name of the provider; one that is not named has no limit.
using provider_limits = std::map<std::string, std::int64_t>;

/// Any thread.
class provider_places {
 public:
  explicit provider_places(const provider_limits& limits);

  /// False: no provider has a limit, and no call of the others does anything.
  [[nodiscard]] bool has_limits() const noexcept { return !limited_.empty(); }

  /// A place; false: all are taken.
  [[nodiscard]] bool take(const std::string& provider) noexcept;
  /// All free places of every provider that has a limit, `most` of each at most; those with none
  /// are among them. For a claim, which gives back what it does not use.
  [[nodiscard]] std::vector<store::provider_room> take_free(std::int64_t most);
  /// True: none was free, so that tasks may wait for this one.
  bool leave(const std::string& provider, std::int64_t count = 1) noexcept;

  /// What is shown: an answer that has a place begins, or has ended.
  void count(const std::string& provider, std::int64_t more) noexcept;

 private:
  struct places {
    std::int64_t limit = 0;
    std::atomic<std::int64_t> taken{0};
    metrics::gauge* running = nullptr;
  };
  [[nodiscard]] places* find(const std::string& provider) noexcept;
  static std::int64_t take_of(places& of, std::int64_t wanted) noexcept;

  std::map<std::string, places> limited_;  // does not change
};

}  // namespace throughline::engine
