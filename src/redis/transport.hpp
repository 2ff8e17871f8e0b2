// Bytes to and from a server, over TCP or TLS: the I/O under a link, and nothing else.
#pragma once

#include <boost/asio/buffer.hpp>
#include <memory>
#include <utility>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "base/error.hpp"
#include "redis/server.hpp"

namespace throughline::redis {

/// On its loop only. One read and one write may be under way at a time. An operation under way
/// keeps a share of the transport (whoever awaits it does).
class transport {
 public:
  virtual ~transport() = default;
  [[nodiscard]] virtual aio::awaitable<std::pair<aio::error_code, std::size_t>> read_some(
      aio::asio::mutable_buffer into) = 0;
  [[nodiscard]] virtual aio::awaitable<aio::error_code> write_all(
      aio::asio::const_buffer bytes) = 0;
  /// What is under way ends with an error.
  virtual void close() noexcept = 0;
};

/// Looks the name up, connects and, if the server wants it, makes TLS. On `loop`. An error
/// (`unavailable`) says in words what failed, or that it took until `deadline`.
[[nodiscard]] aio::awaitable<result<std::shared_ptr<transport>>> connect(aio::event_loop& loop,
                                                                         server to,
                                                                         steady_time deadline);

}  // namespace throughline::redis
