// An HTTP/1.1 server on a set of event loops. Knows nothing of chat. Each connection lives on one
// loop; a handler is a coroutine there and sees neither sockets nor Beast. Requests that break the
// rules of HTTP never reach a handler.
#pragma once

#include <boost/asio/buffer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aio/asio.hpp"
#include "aio/bell.hpp"
#include "aio/event_loop.hpp"
#include "http/message.hpp"
#include "http/route_meter.hpp"
#include "http/tls_identity.hpp"
#include "http/trusted_proxies.hpp"

namespace throughline::http {

struct server_limits {
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t connections_max = 20'000;
  std::size_t connections_per_address_max =
      20'000;  // of a trusted proxy: requests under way for one client
  std::chrono::milliseconds head_timeout{
      10'000};  // from the first byte of a request to the end of its head
  std::chrono::milliseconds body_timeout{30'000};  // and more for what comes at this rate:
  std::size_t bytes_per_second_min = 16 * 1024;
  std::chrono::milliseconds keep_alive_timeout{75'000};
  std::chrono::milliseconds write_timeout{
      30'000};  // a reader that takes no byte for so long is disconnected, and one that takes a
                // whole response more slowly than bytes_per_second_min
};

/// One request's way back to its client. Lives as long as the handler; used on its loop only.
class exchange {
 public:
  virtual ~exchange() = default;
  [[nodiscard]] virtual const request& incoming() const = 0;
  /// Completes incoming() when the route is known.
  virtual void set_path_parameters(path_parameters parameters) = 0;
  [[nodiscard]] virtual aio::event_loop& loop() = 0;

  /// Sends a whole response. Once, instead of begin_stream().
  [[nodiscard]] virtual aio::awaitable<> respond(response reply) = 0;

  /// Sends the head of a response whose body is written piece by piece (chunked transfer coding).
  /// From here on the handler's coroutine is cancelled (operation_aborted) as soon as the client
  /// has gone, unless when_over() is set; shutting down its sending side counts as gone. Of
  /// incoming() the header fields, the query and the body are gone too. To a HEAD request only the
  /// head is sent and operation_aborted is thrown: there is no body to write.
  [[nodiscard]] aio::awaitable<> begin_stream(response head) {
    return begin_stream(std::move(head), {});
  }
  /// The same, and writes the first of the body together with the head. Its memory must live until
  /// then.
  [[nodiscard]] virtual aio::awaitable<> begin_stream(
      response head, std::span<const boost::asio::const_buffer> first) = 0;
  /// Writes all buffers in one gathered write. Suspends until the socket has taken them; the memory
  /// must live until then. Throws operation_aborted if the client has gone or takes nothing for
  /// `write_timeout`.
  [[nodiscard]] aio::awaitable<> write(std::span<const boost::asio::const_buffer> buffers) {
    const bool is_written = write_now(buffers);
    if (!is_written) co_await finish_write();
  }
  /// The same without a coroutine, for the socket takes nearly every write at once. False: the
  /// caller awaits finish_write() before anything else, and the memory must live until then, for
  /// not all was written, or the client has gone, or others are to have their turn.
  [[nodiscard]] virtual bool write_now(std::span<const boost::asio::const_buffer> buffers) = 0;
  [[nodiscard]] virtual aio::awaitable<> finish_write() = 0;
  /// Ends the body; the connection may serve another request.
  [[nodiscard]] virtual aio::awaitable<> end_stream() = 0;

  /// Closes the connection now, without ending the response: a client sees it as broken off. What
  /// was written is still delivered, unless `reset`: then the client gets a TCP reset. The handler
  /// returns next.
  virtual void abort_connection(bool reset) = 0;

  /// True when the server is draining: streams should say goodbye and end.
  [[nodiscard]] virtual bool is_draining() const = 0;
  /// The client of a stream has gone: there is nothing left to do but to return.
  [[nodiscard]] virtual bool is_gone() const = 0;
  /// What is called on the loop when one of the two becomes true; what is so already is not told.
  /// While it is set and no write is under way, a client that goes does not cancel the coroutine:
  /// it is for handlers that wait on something they can ring themselves, since an exception that
  /// unwinds all coroutines of a stream costs more than the stream's whole beginning. nullptr:
  /// none, as after the handler has ended.
  virtual void when_over(std::function<void()> call) = 0;
};

/// Answers one request: respond(), or begin_stream() ... end_stream(). Ending by operation_aborted
/// closes the connection. Any other exception, or an end without an answer, is a mistake: logged,
/// and a 500 if nothing was sent yet. Of a handler that does not stream, only the end of a drain
/// cancels the coroutine: a client that hangs up does not stop its work.
using handler = std::function<aio::awaitable<>(exchange&)>;

/// Paths are literal segments and `{name}` segments: `/conversations/{id}/messages`. More literal
/// segments win. A parameter is not empty. HEAD is answered by the route of GET; the server leaves
/// out the body. Filled before it is used, then read-only.
class router {
 public:
  /// Two routes of one shape and method: asserted. /metrics shows the route as `counted_as`, or as
  /// the pattern if that is empty.
  void add(method verb, std::string_view pattern, handler run, std::string_view counted_as = {});

  struct match {
    const handler* run = nullptr;  // nullptr: none
    std::map<std::string, std::string, std::less<>> path_parameters;
    std::vector<method> allowed;  // with `run` null and this not empty: 405
    std::string_view pattern;
    route_meter* meter = nullptr;  // with `run`
  };
  [[nodiscard]] match find(method verb, std::string_view path) const;
  [[nodiscard]] std::vector<std::pair<method, std::string>> routes() const;

 private:
  struct route;
  std::vector<std::shared_ptr<const route>> routes_;
};

struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  server_limits limits;
  std::shared_ptr<const tls_identity> tls{};  // null: plain HTTP
  trusted_proxies proxies{};
};

class server {
 public:
  virtual ~server() = default;
  /// The port that is bound.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// The server will drain: streams are told (exchange::on_drain), connections that wait for a
  /// request are closed, and from here on each connection serves one request. New ones are still
  /// accepted, so that whoever asks can be told. On any loop; idempotent.
  [[nodiscard]] virtual aio::awaitable<> announce_drain() = 0;
  /// Announces it, and accepts nothing more; returns when all
  /// connections have ended, or when `deadline` has passed and the rest were closed. On any loop.
  [[nodiscard]] virtual aio::awaitable<> drain(steady_time deadline) = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;
};

/// Binds and listens with SO_REUSEPORT, one acceptor per loop, and serves `handle` for every
/// request (it routes). `loops` and the server outlive all handlers. Errors name the address and,
/// when a port is taken, say so (`conflict`). The destructor REQUIRES that drain() has returned.
[[nodiscard]] result<std::unique_ptr<server>> start_server(aio::event_loops& loops,
                                                           const server_options& options,
                                                           handler handle);

}  // namespace throughline::http
