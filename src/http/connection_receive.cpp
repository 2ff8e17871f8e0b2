// The reading half of a connection.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "http/connection.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t read_bytes = 32 * 1024;
/// How long a refused client may go on sending before it is cut off.
constexpr std::chrono::seconds linger_time{2};
constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

/// What the socket has now: empty if nothing, `ended` if nothing will come any more. Valid until
/// the next call on this thread, whichever connection makes it.
std::string_view connection::read_now(bool& ended) {
  thread_local std::array<char, read_bytes> scratch;
  if (tls_) return read_tls(scratch, ended);
  while (true) {
    const auto got = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (got > 0) return {scratch.data(), static_cast<std::size_t>(got)};
    if (got < 0 && errno == EINTR) continue;
    ended = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return {};
  }
}

bool connection::has_bytes() {
  char one = 0;
  return ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/// Reads one request into `incoming_`. False if there is none to answer: the client has closed, or
/// the request was refused.
aio::awaitable<bool> connection::receive() {
  // An empty line behind a body is no request that has begun.
  if (left_over_ == "\r\n") left_over_.clear();
  stage_ = stage::reading;
  if (left_over_.empty()) co_await await_request();
  // Neither the parser nor what it holds outlives this function: a stream may follow that lasts for
  // hours.
  const auto parser = std::make_unique<request_parser>(host_.limits);
  const bool complete = co_await receive_all(parser.get());
  co_return complete;
}

aio::awaitable<> connection::await_request() {
  is_idle_ = true;
  const auto deadline = std::chrono::steady_clock::now() + host_.limits.keep_alive_timeout;
  bool has_begun = false;
  while (!has_begun) {
    co_await wait(before_reading(), deadline, if_late::close);
    has_begun = true;
    // What comes over TLS need not be of a request.
    if (tls_) {
      bool ended = false;
      left_over_ = read_now(ended);
      has_begun = ended || !left_over_.empty();
    }
  }
  is_idle_ = false;
}

/// A head has its time in all, however it drips. A body has its time too, and more for what has
/// come: who sends at `bytes_per_second_min` is never late.
aio::awaitable<bool> connection::receive_all(request_parser* parser) {
  using progress = request_parser::progress;
  using std::chrono::steady_clock;
  auto deadline = steady_clock::now() + host_.limits.head_timeout;
  bool in_body = false;
  auto state = parser->feed(std::exchange(left_over_, {}));
  while (state == progress::need_more || state == progress::wants_continue) {
    if (!in_body && parser->head_is_complete()) {
      in_body = true;
      deadline = steady_clock::now() + host_.limits.body_timeout;
    }
    if (state == progress::wants_continue) {
      outgoing job(continue_response, {}, {});
      co_await send(&job);
    }
    bool ended = false;
    const auto bytes = read_now(ended);
    if (ended) co_return false;
    if (!bytes.empty()) {
      state = parser->feed(bytes);
      if (in_body) deadline += time_for(bytes.size());
      continue;
    }
    state = progress::need_more;
    const bool in_time = co_await wait(before_reading(), deadline, if_late::wake);
    if (in_time) continue;
    adopt(*parser);
    const error late =
        fail(errc::request_timeout, in_body ? "the body of the request took too long to arrive"
                                            : "the head of the request took too long to arrive");
    co_await refuse(late);
    co_return false;
  }
  adopt(*parser);
  if (state == progress::complete) {
    left_over_ = parser->take_rest();
    co_return true;
  }
  const error why = parser->failure();
  co_await refuse(why);
  co_return false;
}

/// After a response that ends the connection while the client may still be sending: closing now
/// would make the kernel answer with a reset, which can destroy the response before it is read.
aio::awaitable<> connection::linger() {
  aio::error_code ignored;
  socket_.shutdown(aio::tcp_socket::shutdown_send, ignored);
  const auto deadline = std::chrono::steady_clock::now() + linger_time;
  bool ended = false;
  while (!ended && std::chrono::steady_clock::now() < deadline) {
    const auto discarded = read_now(ended);
    if (ended) break;
    if (!discarded.empty()) {
      co_await let_others_run();
      continue;
    }
    co_await wait(aio::tcp_socket::wait_read, deadline, if_late::close);
  }
}

}  // namespace throughline::http
