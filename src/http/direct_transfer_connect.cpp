// The connection of a direct transfer: an idle one or a new one, and the request going out.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "http/direct_transfer.hpp"

namespace throughline::http {
namespace {

constexpr int keepalive_s = 60;

bool is_out_of_descriptors(int os_error) {
  return os_error == EMFILE || os_error == ENFILE;
}

void set_option(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

void direct_transfer::start(const client_request& request) {
  if (auto fault = header_fault(request.headers)) return end(std::move(fault));
  outgoing_ = encode_request(request, target_);
  deadlines_.start(std::chrono::steady_clock::now());
  socket_ = connections_->take_idle(target_.endpoint);
  is_reused_ = socket_ >= 0;
  if (is_reused_) {
    send();
  } else {
    connect();
  }
  if (!is_ended_) watch_earlier_deadline();
}

void direct_transfer::connect() {
  is_reused_ = false;
  next_address_ = 0;
  first_os_error_ = 0;
  connect_to_next();
}

void direct_transfer::connect_to_next() {
  while (next_address_ < target_.addresses.size()) {
    const auto& address = target_.addresses[next_address_++];
    socket_ = open_socket(address);
    if (socket_ < 0 && is_out_of_descriptors(errno)) {
      return end(fail(errc::overloaded, fmt::format("there is no file descriptor left to connect "
                                                    "to {}",
                                                    target_.endpoint)));
    }
    const auto address_bytes = static_cast<socklen_t>(address.size());
    if (socket_ >= 0 && ::connect(socket_, address.data(), address_bytes) == 0) return send();
    const int os_error = errno;
    if (socket_ >= 0 && os_error == EINPROGRESS) {
      is_connecting_ = true;
      watch_socket();
      return;
    }
    if (first_os_error_ == 0) first_os_error_ = os_error;
    close();
  }
  end(could_not_connect(circumstances(first_os_error_)));
}

int direct_transfer::open_socket(const aio::tcp::endpoint& address) {
  const int family = address.protocol().family();
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int socket = ::socket(family, type, 0);
  if (socket < 0 && is_out_of_descriptors(errno)) {
    const int os_error = errno;
    if (connections_->close_idle()) {
      socket = ::socket(family, type, 0);
    } else {
      errno = os_error;
    }
  }
  if (socket < 0) return socket;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_s);
  return socket;
}

void direct_transfer::finish_connecting() {
  int os_error = 0;
  socklen_t size = sizeof os_error;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &os_error, &size);
  is_connecting_ = false;
  if (os_error == 0) return send();
  if (first_os_error_ == 0) first_os_error_ = os_error;
  close();
  connect_to_next();
}

void direct_transfer::send() {
  sent_bytes_ = 0;
  is_sent_ = false;
  is_sending_ = false;
  if (!watch_socket()) return;
  deadlines_.send(std::chrono::steady_clock::now());
  send_more();
  watch_earlier_deadline();
}

void direct_transfer::send_more() {
  while (sent_bytes_ < outgoing_.size()) {
    const auto count = ::send(socket_, outgoing_.data() + sent_bytes_,
                              outgoing_.size() - sent_bytes_, MSG_NOSIGNAL);
    if (count >= 0) {
      sent_bytes_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!std::exchange(is_sending_, true)) watch_socket();
      return;
    } else if (errno != EINTR) {
      // Reading tells what became of the connection, and perhaps why the request was refused.
      break;
    }
  }
  is_sent_ = sent_bytes_ == outgoing_.size();
  if (parser_.has_head()) outgoing_ = std::string();
  if (std::exchange(is_sending_, false)) watch_socket();
}

bool direct_transfer::watch_socket() {
  const aio::descriptor_set::readiness wanted{.reads = !is_connecting_,
                                              .writes = is_connecting_ || is_sending_};
  if (!connections_->watch(socket_, wanted, *this)) return true;
  end(could_not_watch(circumstances()));
  return false;
}

void direct_transfer::lose(int os_error) {
  if (is_reused_ && parser_.is_untouched()) {
    close();
    deadlines_.connect_again(std::chrono::steady_clock::now());
    connect();
    if (!is_ended_) watch_earlier_deadline();
    return;
  }
  end(connection_lost(circumstances(os_error)));
}

void direct_transfer::close() {
  if (socket_ < 0) return;
  connections_->forget(socket_);
  ::close(std::exchange(socket_, -1));
  is_connecting_ = false;
}

}  // namespace throughline::http
