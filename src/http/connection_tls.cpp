// What a connection does differently over TLS.
#include <sys/socket.h>

#include "http/connection.hpp"

namespace throughline::http {

using outcome = tls_session::outcome;

/// False: there is nobody to speak with.
aio::awaitable<bool> connection::shake_hands() {
  const auto deadline = std::chrono::steady_clock::now() + host_.limits.head_timeout;
  is_idle_ = true;
  co_await wait(aio::tcp_socket::wait_read, deadline, if_late::close);
  is_idle_ = false;
  if (receives_letters()) {
    co_await refuse_plain();
    co_return false;
  }
  while (true) {
    const auto how = tls_->shake_hands();
    if (how == outcome::done) co_return true;
    if (how == outcome::failed) break;
    co_await wait(before_reading(), deadline, if_late::close);
  }
  // The client has been told why, and is to read it.
  tls_.reset();
  lingers_ = true;
  co_return false;
}

/// No message of TLS begins with a letter, and every request does.
bool connection::receives_letters() {
  char first = 0;
  const auto got = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 1 && ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z'));
}

aio::awaitable<> connection::refuse_plain() {
  tls_.reset();
  const error why = fail(errc::invalid_request,
                         "this port speaks HTTPS, and the request came without TLS: use https://");
  co_await refuse(why);
}

/// From here on nothing is read as TLS any more: linger() drops what it reads.
aio::awaitable<> connection::say_goodbye() {
  const auto deadline = std::chrono::steady_clock::now() + host_.limits.write_timeout;
  while (tls_->say_goodbye() == outcome::blocked) {
    co_await wait(aio::tcp_socket::wait_write, deadline, if_late::close);
  }
  tls_.reset();
}

std::string_view connection::read_tls(std::span<char> into, bool& ended) {
  const auto got = tls_->read(into);
  ended = got.how == outcome::failed;
  return {into.data(), got.bytes};
}

aio::tcp_socket::wait_type connection::before_reading() const {
  return tls_ && tls_->reading_waits_to_write() ? aio::tcp_socket::wait_write
                                                : aio::tcp_socket::wait_read;
}

aio::tcp_socket::wait_type connection::before_writing() const {
  return tls_ && tls_->writing_waits_to_read() ? aio::tcp_socket::wait_read
                                               : aio::tcp_socket::wait_write;
}

}  // namespace throughline::http
