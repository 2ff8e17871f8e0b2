// The door of local mode: there is one principal, and what may come in is decided by where it comes
// from, and by the access token if the server has one. A page of another site, or a name that was
// rebound to 127.0.0.1, must not reach the engine through somebody's browser. A request in, a
// verdict out; thread-safe, so all loops share one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "guard/access.hpp"
#include "guard/origin.hpp"
#include "http/message.hpp"

namespace throughline::guard {

/// An entry that is no host or no origin never matches; `*` and `null` are none.
struct door_options {
  std::vector<std::string> hosts{};  // further names (with or without :port) that Host may carry
  std::vector<std::string>
      cors_origins{};          // origins that may call from a browser, exact: http://localhost:3000
  std::string access_token{};  // empty: everybody whom the rest lets in
  std::string public_url{};    // by which people reach the server; its host is one of `hosts`
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
  /// every reply gets `Vary: Origin`. Credentials are allowed: a configured origin is trusted with
  /// what its pages can read anyhow, and the cookie, which is SameSite=Lax, comes only with pages
  /// of the same site, as of another port of the same host. May be called again for the same reply.
  void add_cors_headers(const http::request& incoming, http::response& reply) const;
  /// The answer to a preflight (OPTIONS with Access-Control-Request-Method), or nullopt if this is
  /// none. `forbidden` for an origin that is not configured.
  [[nodiscard]] std::optional<http::response> preflight(const http::request& incoming) const;

  /// Asked after the others: nullopt if the request may come in, else the answer to it: 401 or 429,
  /// or, for a browser that wants a page, 303 to the one where people sign in. A note of a browser
  /// that has signed in counts for requests that change something only with an Origin of a page of
  /// this server or of a configured one (else 403).
  [[nodiscard]] std::optional<http::response> refuse_stranger(const http::request& incoming) const;
  [[nodiscard]] bool has_token() const noexcept { return access_ != nullptr; }
  /// Of a request that may come in anyhow: whether it would have been let in. A wrong token counts
  /// as one.
  [[nodiscard]] bool knows(const http::request& incoming) const;

  /// For somebody who typed in a token: the value of Set-Cookie. `unauthorized`,
  /// `too_many_requests`. REQUIRES has_token().
  [[nodiscard]] result<std::string> sign_in(const http::request& incoming,
                                            std::string_view token) const;
  /// The value of Set-Cookie that takes it away again.
  [[nodiscard]] std::string sign_out(const http::request& incoming) const;
  /// Whether people reach the server by TLS with this request, here or at a proxy.
  [[nodiscard]] bool is_secure(const http::request& incoming) const;

  /// The principal of a request: `local`.
  [[nodiscard]] std::string principal(const http::request& incoming) const;

 private:
  [[nodiscard]] std::optional<error> refuse_host(const http::request& incoming) const;
  [[nodiscard]] std::optional<error> refuse_page(const http::request& incoming) const;
  /// Whether the request carries one Origin and it is configured.
  [[nodiscard]] bool has_configured_origin(const http::request& incoming) const;
  /// Whether the one Origin is that of --public-url: a proxy may not pass its port on in Host.
  [[nodiscard]] bool has_public_origin(const http::request& incoming) const;
  /// One of these, or the one Origin is that of a page of this server.
  [[nodiscard]] bool has_trusted_origin(const http::request& incoming) const;

  std::vector<authority> hosts_;  // without port: any port
  std::vector<origin> origins_;
  std::optional<origin> public_place_;
  std::shared_ptr<access> access_;  // null: no token
};

/// A path of this server that a browser may be sent to, as it was sent or typed in; "/" for
/// anything that could lead elsewhere.
[[nodiscard]] std::string local_path(std::string_view text);

}  // namespace throughline::guard
