// Where a Redis is and how to sign in there, out of a URL:
//
//   ("redis" | "rediss") "://" [[user] [":" password] "@"] host [":" port] ["/" database] ["?" ...]
//
// `rediss` is TLS. An IPv6 address stands in brackets; user and password may be percent-encoded.
// Of parameters, `db`, `ssl_cert_reqs` (`required`, `none`) and `ssl_ca_certs` (a file) are known,
// as other clients have them; others are refused. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace throughline::redis {

struct address {
  std::string host = "127.0.0.1";  // without brackets
  std::uint16_t port = 6379;
  std::string user;      // empty: the default user
  std::string password;  // a secret; empty: none is sent
  std::uint32_t database = 0;
  bool is_tls = false;
  bool is_verified = true;  // with TLS: the certificate must be good and of this host
  std::string ca_file;      // with TLS; empty: the system's certificates

  /// `redis://host:port/0`, for people: neither user nor password.
  [[nodiscard]] std::string name() const;
};

/// `invalid_request` for anything else; the detail does not repeat the URL.
[[nodiscard]] result<address> parse_address(std::string_view url);

}  // namespace throughline::redis
