#include "http/admission.hpp"

#include <utility>

#include "base/metrics.hpp"

namespace throughline::http {
namespace {

metrics::gauge& open_connections = metrics::find_gauge(metrics::http_connections);

/// Refused connections that are being told so at one time.
constexpr std::size_t refusals_max = 128;
}  // namespace

admission::place& admission::place::operator=(place&& other) noexcept {
  if (this != &other) {
    give_back();
    owner_ = std::move(other.owner_);
    address_ = other.address_;
    refusal_ = other.refusal_;
  }
  return *this;
}

void admission::place::give_back() {
  const auto owner = std::exchange(owner_, nullptr);
  if (!owner) return;
  const std::lock_guard lock(owner->mutex_);
  if (refusal_) {
    --owner->refusals_;
    return;
  }
  --owner->admitted_;
  open_connections.add(-1);
  const auto there = owner->by_address_.find(address_);
  if (--there->second == 0) owner->by_address_.erase(there);
}

admission::place admission::enter(const boost::asio::ip::address& from) {
  place taken;
  const std::lock_guard lock(mutex_);
  const auto there = by_address_.find(from);
  const auto already = there == by_address_.end() ? 0 : there->second;
  if (admitted_ >= connections_max_ || already >= per_address_max_) {
    if (refusals_ >= refusals_max) return taken;
    ++refusals_;
    taken.refusal_ = true;
  } else {
    ++admitted_;
    open_connections.add(1);
    ++by_address_[from];
  }
  taken.address_ = from;
  taken.owner_ = shared_from_this();
  return taken;
}

}  // namespace throughline::http
