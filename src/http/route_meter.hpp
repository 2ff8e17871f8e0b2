// Counts the answers of one route for /metrics. Used by the router, which has one for each route,
// and by whoever answers. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <string>

#include "base/metrics.hpp"

namespace throughline::http {

class route_meter {
 public:
  route_meter(std::string_view verb, std::string_view pattern) : verb_(verb), pattern_(pattern) {}

  /// `status` 0: the client had gone, or the handler failed, before there was an answer. `time`
  /// went by from the whole request to the head of the answer.
  void count(int status, std::chrono::nanoseconds time);

 private:
  const std::string verb_;
  const std::string pattern_;
  // Found when they are needed first: most routes never see most classes.
  std::array<std::atomic<metrics::counter*>, 6> by_class_{};
  std::atomic<metrics::histogram*> time_{nullptr};
};

}  // namespace throughline::http
