#include "http/direct_connections.hpp"

#include <utility>

#include "base/assert.hpp"
#include "http/response_parser.hpp"

namespace throughline::http {
namespace {
constexpr std::size_t received_bytes_max = 32 * 1024;  // at once
}

std::shared_ptr<direct_connections> direct_connections::create(aio::event_loop& loop) {
  return std::shared_ptr<direct_connections>(new direct_connections(loop));
}

direct_connections::direct_connections(aio::event_loop& loop)
    : loop_(loop),
      buffer_(std::make_unique<char[]>(response_parser::headroom + received_bytes_max)),
      idle_timer_(loop.get_executor()),
      sockets_(loop, [this](int socket, aio::descriptor_set::readiness ready) {
        listeners_[static_cast<std::size_t>(socket)]->on_ready(ready);
      }) {}

std::span<char> direct_connections::receive_buffer() {
  return {buffer_.get() + response_parser::headroom, received_bytes_max};
}

aio::error_code direct_connections::watch(int socket, aio::descriptor_set::readiness wanted,
                                          listener& whom) {
  const auto index = static_cast<std::size_t>(socket);
  if (index >= listeners_.size()) listeners_.resize(index + 1);
  const auto failure = sockets_.watch(socket, wanted);
  listeners_[index] = failure ? nullptr : &whom;
  return failure;
}

void direct_connections::forget(int socket) {
  sockets_.forget(socket);
  const auto index = static_cast<std::size_t>(socket);
  if (index < listeners_.size()) listeners_[index] = nullptr;
}

void direct_connections::keep_idle(std::string endpoint, int socket) {
  idle_.keep(std::move(endpoint), socket, std::chrono::steady_clock::now());
  if (!is_idle_timer_set_) close_expired_later();
}

bool direct_connections::close_idle() {
  const bool had_some = idle_.size() > 0;
  idle_.close_all();
  return had_some;
}

void direct_connections::close_expired_later() {
  const auto when = idle_.next_expiry();
  is_idle_timer_set_ = when.has_value();
  if (!when) return;
  idle_timer_.expires_at(*when);
  idle_timer_.async_wait([weak = weak_from_this()](const aio::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self) return;
    self->idle_.close_expired(std::chrono::steady_clock::now());
    self->close_expired_later();
  });
}

void direct_connections::leave_behind(std::shared_ptr<listener> whom) {
  left_behind_.emplace(whom.get(), std::move(whom));
}

std::shared_ptr<direct_connections::listener> direct_connections::take_back(listener& whom) {
  const auto found = left_behind_.find(&whom);
  if (found == left_behind_.end()) return nullptr;
  auto taken = std::move(found->second);
  left_behind_.erase(found);
  return taken;
}

void direct_connections::shut_down() {
  while (!left_behind_.empty()) {
    const auto whom = take_back(*left_behind_.begin()->first);
    whom->on_shut_down();
  }
  for (const auto* const whom : listeners_) THROUGHLINE_ASSERT(whom == nullptr);
  idle_timer_.cancel();
  idle_.close_all();
}

}  // namespace throughline::http
