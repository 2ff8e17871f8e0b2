#include "http/route_meter.hpp"

namespace throughline::http {
namespace {

constexpr std::array<const char*, 6> class_names{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

std::size_t class_of(int status) {
  return status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100) : 0;
}

}  // namespace

void route_meter::count(int status, std::chrono::nanoseconds time) {
  const auto in = class_of(status);
  auto* found = by_class_[in].load(std::memory_order_acquire);
  if (found == nullptr) {
    found = &metrics::find_counter(metrics::http_requests, {verb_, pattern_, class_names[in]});
    by_class_[in].store(found, std::memory_order_release);
  }
  found->add();
  auto* times = time_.load(std::memory_order_acquire);
  if (times == nullptr) {
    times = &metrics::find_histogram(metrics::http_request_time, {verb_, pattern_});
    time_.store(times, std::memory_order_release);
  }
  times->observe(time);
}

}  // namespace throughline::http
