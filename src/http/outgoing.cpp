#include "http/outgoing.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace throughline::http {
namespace {
constexpr std::size_t gathered_max = 64;
}

std::string_view outgoing::piece(std::size_t i) const {
  if (i == 0) return prefix_;
  if (i <= buffers_.size()) {
    return {static_cast<const char*>(buffers_[i - 1].data()), buffers_[i - 1].size()};
  }
  return suffix_;
}

void outgoing::advance(std::size_t sent) {
  while (piece_ < pieces()) {
    const auto left = piece(piece_).size() - offset_;
    if (sent < left) {
      offset_ += sent;
      return;
    }
    sent -= left;
    offset_ = 0;
    ++piece_;
  }
}

outgoing::outcome outgoing::flush(int descriptor) {
  advance(0);  // past empty pieces
  while (piece_ < pieces()) {
    std::array<iovec, gathered_max> gathered;
    std::size_t count = 0;
    std::size_t skip = offset_;
    for (std::size_t i = piece_; i < pieces() && count < gathered.size(); ++i) {
      const auto bytes = piece(i).substr(skip);
      skip = 0;
      if (bytes.empty()) continue;
      // sendmsg() reads only: the const_cast is the C interface's.
      gathered[count].iov_base = const_cast<char*>(bytes.data());
      gathered[count].iov_len = bytes.size();
      ++count;
    }
    msghdr message{};
    message.msg_iov = gathered.data();
    message.msg_iovlen = count;
    const auto sent = ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      advance(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return outcome::blocked;
    } else if (errno != EINTR) {
      return outcome::failed;
    }
  }
  return outcome::done;
}

std::string_view outgoing::next_record(std::array<char, tls_session::record_bytes>& into) const {
  std::size_t size = 0;
  std::size_t skip = offset_;
  for (std::size_t i = piece_; i < pieces() && size < into.size(); ++i) {
    const auto bytes = piece(i).substr(skip);
    skip = 0;
    if (size == 0 && bytes.size() >= into.size()) return bytes.substr(0, into.size());
    const auto fits = bytes.substr(0, into.size() - size);
    std::ranges::copy(fits, into.begin() + static_cast<std::ptrdiff_t>(size));
    size += fits.size();
  }
  return {into.data(), size};
}

outgoing::outcome outgoing::flush(tls_session& session) {
  thread_local std::array<char, tls_session::record_bytes> gathered;
  advance(0);  // past empty pieces
  while (piece_ < pieces()) {
    const auto written = session.write(next_record(gathered));
    advance(written.bytes);
    if (written.how == tls_session::outcome::blocked) return outcome::blocked;
    if (written.how == tls_session::outcome::failed) return outcome::failed;
  }
  return outcome::done;
}

}  // namespace throughline::http
