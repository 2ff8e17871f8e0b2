// The door of local mode: there is one principal and no password, so what may come in is decided by
// where it comes from. A page of another site, or a name that was rebound to 127.0.0.1, must not
// reach the engine through somebody's browser. Pure: a request in, a verdict out. Immutable, so all
// loops share one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "guard/origin.hpp"
#include "http/message.hpp"

namespace throughline::guard {

/// An entry that is no host or no origin never matches; `*` and `null` are none.
struct door_options {
  std::vector<std::string> hosts;  // further names (with or without :port) that Host may carry
  std::vector<std::string>
      cors_origins;  // origins that may call from a browser, exact: http://localhost:3000
};

class door {
 public:
  explicit door(const door_options& options);

  /// nullopt: come in. `forbidden`, saying which header and what to configure: Host is neither a
  /// loopback name or address nor configured, or is missing; or an unsafe method (all but GET, HEAD
  /// and OPTIONS) carries a foreign Origin, or Sec-Fetch-Site other than same-origin / none, and
  /// the origin is not configured. A request with neither of these two comes from a program, not
  /// from a page.
  [[nodiscard]] std::optional<error> refuse(const http::request& incoming) const;

  /// The CORS headers for this request's origin, if it is configured. With any origin configured
  /// every reply gets `Vary: Origin`. Credentials are never allowed: there are none. May be called
  /// again for the same reply.
  void add_cors_headers(const http::request& incoming, http::response& reply) const;
  /// The answer to a preflight (OPTIONS with Access-Control-Request-Method), or nullopt if this is
  /// none. `forbidden` for an origin that is not configured.
  [[nodiscard]] std::optional<http::response> preflight(const http::request& incoming) const;

  /// The principal of a request: `local`.
  [[nodiscard]] std::string principal(const http::request& incoming) const;

 private:
  [[nodiscard]] std::optional<error> refuse_host(const http::request& incoming) const;
  [[nodiscard]] std::optional<error> refuse_page(const http::request& incoming) const;
  /// Whether the request carries one Origin and it is configured.
  [[nodiscard]] bool has_configured_origin(const http::request& incoming) const;

  std::vector<authority> hosts_;  // without port: any port
  std::vector<origin> origins_;
};

}  // namespace throughline::guard
