#include "http/idle_connections.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace throughline::http {
namespace {

/// Open and silent, as a connection between two requests is.
bool is_usable(int socket) {
  char byte = 0;
  const auto count = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

void idle_connections::keep(std::string endpoint, int socket, steady_time now) {
  if (kept_.size() >= kept_max) {
    ::close(kept_.front().socket);
    kept_.erase(kept_.begin());
  }
  kept_.push_back({std::move(endpoint), socket, now});
}

int idle_connections::take(std::string_view endpoint) {
  while (true) {
    const auto last = std::find_if(kept_.rbegin(), kept_.rend(),
                                   [&](const connection& one) { return one.endpoint == endpoint; });
    if (last == kept_.rend()) return -1;
    const int socket = last->socket;
    kept_.erase(std::next(last).base());
    if (is_usable(socket)) return socket;
    ::close(socket);
  }
}

void idle_connections::close_expired(steady_time now) {
  const auto is_young = [now](const connection& one) {
    return one.since + kept_for > now;
  };
  const auto first_young = std::find_if(kept_.begin(), kept_.end(), is_young);
  for (auto old = kept_.begin(); old != first_young; ++old) ::close(old->socket);
  kept_.erase(kept_.begin(), first_young);
}

void idle_connections::close_all() {
  for (const auto& one : kept_) ::close(one.socket);
  kept_.clear();
}

std::optional<steady_time> idle_connections::next_expiry() const {
  if (kept_.empty()) return std::nullopt;
  return kept_.front().since + kept_for;
}

}  // namespace throughline::http
