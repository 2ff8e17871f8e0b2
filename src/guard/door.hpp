// The door of local mode: there is one principal and no password, so what may come in is decided by where it comes from.
// A page of another site, or a name that was rebound to 127.0.0.1, must not reach the engine through somebody's browser.
// Pure: a request in, a verdict out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "http/message.hpp"
#include "http/server.hpp"

namespace throughline::guard {

struct door_options {
  std::vector<std::string> hosts;         // further names (with or without :port) that Host may carry
  std::vector<std::string> cors_origins;  // origins that may call from a browser, exact: http://localhost:3000
};

class door {
 public:
  explicit door(door_options options);

  /// nullopt: come in. `forbidden`, saying which header and what to configure: Host is neither a loopback name or address nor
  /// configured; or an unsafe method carries a foreign Origin, or Sec-Fetch-Site other than same-origin / none, and the
  /// origin is not configured.
  [[nodiscard]] std::optional<error> refuse(const http::request& incoming) const;

  /// The CORS headers for this request's origin, if it is configured (with Vary: Origin).
  void add_cors_headers(const http::request& incoming, http::response& reply) const;
  /// The answer to a preflight (OPTIONS with Access-Control-Request-Method), or nullopt if this is none.
  [[nodiscard]] std::optional<http::response> preflight(const http::request& incoming) const;

  /// The principal of a request: `local`.
  [[nodiscard]] std::string principal(const http::request& incoming) const;

 private:
  door_options options_;
};

}  // namespace throughline::guard
