#include "http/admission.hpp"

#include <utility>

#include "base/metrics.hpp"

namespace throughline::http {
namespace {

metrics::gauge& open_connections = metrics::find_gauge(metrics::http_connections);

/// A guess: connections of one address rarely all end at once.
constexpr std::chrono::seconds address_patience{5};
}  // namespace

admission::place& admission::place::operator=(place&& other) noexcept {
  if (this != &other) {
    give_back();
    owner_ = std::move(other.owner_);
    address_ = other.address_;
    is_ = other.is_;
  }
  return *this;
}

std::optional<error> admission::place::refusal() const {
  switch (is_) {
    case verdict::admitted:
    case verdict::behind:
      break;
    case verdict::full:
      return fail(errc::overloaded, "there are too many connections");
    case verdict::full_for_address:
      return fail(errc::too_many_requests,
                  "there are too many connections or requests from this address", address_patience);
    case verdict::no_descriptors:
      return fail(errc::overloaded, "the server has no file descriptor left for a connection");
  }
  return std::nullopt;
}

void admission::place::give_back() {
  const auto owner = std::exchange(owner_, nullptr);
  if (!owner) return;
  const std::lock_guard lock(owner->mutex_);
  if (is_ == verdict::behind) return owner->forget(address_);
  if (is_ != verdict::admitted) {
    --owner->refusals_;
    return;
  }
  --owner->admitted_;
  open_connections.add(-1);
  owner->forget(address_);
}

admission::place admission::place::enter_behind(const boost::asio::ip::address& client) const {
  place taken;
  if (!owner_) return taken;
  const std::lock_guard lock(owner_->mutex_);
  auto& already = owner_->by_address_[client];
  if (already >= owner_->per_address_max_) {
    taken.is_ = verdict::full_for_address;  // without an owner: nothing is to be given back
    return taken;
  }
  ++already;
  taken.is_ = verdict::behind;
  taken.address_ = client;
  taken.owner_ = owner_;
  return taken;
}

void admission::forget(const boost::asio::ip::address& address) {
  const auto there = by_address_.find(address);
  if (--there->second == 0) by_address_.erase(there);
}

admission::place admission::enter(const boost::asio::ip::address& from, bool is_proxy) {
  place taken;
  const std::lock_guard lock(mutex_);
  const auto there = by_address_.find(from);
  const auto already = there == by_address_.end() ? 0 : there->second;
  if (admitted_ >= connections_max_) {
    taken.is_ = verdict::full;
  } else if (!is_proxy && already >= per_address_max_) {
    taken.is_ = verdict::full_for_address;
  }
  if (taken.is_ == verdict::admitted) {
    ++admitted_;
    open_connections.add(1);
    ++by_address_[from];
  } else {
    if (refusals_ >= refusals_max_) return taken;
    ++refusals_;
  }
  taken.address_ = from;
  taken.owner_ = shared_from_this();
  return taken;
}

admission::place admission::turn_away() {
  place taken;
  const std::lock_guard lock(mutex_);
  ++refusals_;
  taken.is_ = verdict::no_descriptors;
  taken.owner_ = shared_from_this();
  return taken;
}

}  // namespace throughline::http
