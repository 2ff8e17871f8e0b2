#include "load/load_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "load/poller.hpp"

namespace throughline::load {

void load_client::connect(const endpoint& to) {
  descriptor_ = ::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot open a connection");
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connect_ns = now_ns();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): that is how the kernel takes it
  const auto* const address = reinterpret_cast<const sockaddr*>(&to.address);
  // It is under way; a refusal is seen when the socket is polled.
  [[maybe_unused]] const int pending = ::connect(descriptor_, address, to.address_bytes);
  now = phase::connecting;
  server_ = &to;
  response = {};
  frames.clear();
  sent_ = 0;
  ++turns;
}

bool load_client::send_now() {
  if (sent_ == 0) asked_ns = now_ns();
  const auto size =
      ::send(descriptor_, request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL);
  if (size < 0) return errno == EAGAIN;
  sent_ += static_cast<std::size_t>(size);
  if (has_unsent()) return true;
  request_ = {};
  sent_ = 0;
  now = phase::asking;
  return true;
}

void load_client::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  now = phase::closed;
}

}  // namespace throughline::load
