// An HTTP client for streaming responses on an event loop: TLS verified, proxies from the
// environment, HTTP/2, connection reuse. Plain HTTP to a written address or to `localhost` goes
// over a socket of its own, everything else through libcurl; nobody sees which
// (docs/decisions/0008-two-http-clients.md). One http_client per loop; everything on that loop's
// thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "base/error.hpp"
#include "http/message.hpp"

namespace throughline::http {

struct client_request {
  method verb = method::post;
  std::string url;  // http or https; anything else fails with invalid_request
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{10'000};
  // From the request being sent to the head of the response; if the head comes sooner, the first
  // byte of the body has the rest of it, and at least the idle time.
  std::chrono::milliseconds first_byte_timeout{120'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between pieces of the body
  std::chrono::milliseconds total_timeout{30 * 60'000};
  std::size_t buffered_bytes_max =
      1024 * 1024;  // received but not yet taken; then the transfer is paused
};

struct client_response_head {
  int status = 0;
  header_fields headers;
};

/// Takes a piece of a body, never empty. False: no more for now.
using body_taker = std::function<bool(std::string_view piece)>;

/// One request under way. Destroying it closes it (the model sees its connection close, or its
/// HTTP/2 stream reset).
class client_stream {
 public:
  virtual ~client_stream() = default;
  /// Suspends until the head is there (1xx skipped, redirects NOT followed: a 3xx is a head like
  /// any other). Errors: provider_unreachable (DNS, refused, no connection in time, TLS, closed
  /// before the head), provider_timeout, provider_bad_response.
  [[nodiscard]] virtual aio::awaitable<result<client_response_head>> head() = 0;
  /// What has arrived since the last call (decoded), suspending if that is nothing; an empty string
  /// at the end of the body. Errors: as above; `provider_truncated` when the body broke off against
  /// its framing.
  [[nodiscard]] aio::awaitable<result<std::string>> read() { return read({}); }
  /// The same, but what arrives is handed to `at_hand` as it comes, without the coroutine being
  /// resumed for it, until that returns false: then this returns an empty string as well. It may
  /// cancel the stream, but not destroy it.
  [[nodiscard]] virtual aio::awaitable<result<std::string>> read(body_taker at_hand) = 0;
  /// Makes a suspended head() or read() return `cancelled` now, and closes the request. On the
  /// loop.
  virtual void cancel() = 0;
  /// The rest of the body is not wanted: if it ends within a moment its connection can be used
  /// again, else that is closed. The last call; nobody waits in head() or read().
  virtual void let_end() = 0;
};

class http_client {
 public:
  virtual ~http_client() = default;
  [[nodiscard]] virtual std::unique_ptr<client_stream> start(client_request request) = 0;
};

/// For use on `loop` only; destroyed there or after it has stopped, with no stream alive.
[[nodiscard]] std::unique_ptr<http_client> make_http_client(aio::event_loop& loop);

}  // namespace throughline::http
