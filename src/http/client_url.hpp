// What a client reads out of the URL of a request. Names of hosts are not looked up here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace throughline::http {

struct url_parts {
  std::string scheme;  // `http` or `https`
  std::string host;    // an IPv6 address in its brackets
  std::uint16_t port = 0;
  std::string target;   // path and query, as they are sent
  bool is_odd = false;  // it also holds a user or a zone

  /// `host:port`, the port also when it is the scheme's own. Holds no secret.
  [[nodiscard]] std::string endpoint() const;
};

/// `invalid_request` for what is not an http or https URL, with a detail that does not repeat it.
[[nodiscard]] result<url_parts> split_url(const std::string& url);

/// The endpoint of `url`, or as above.
[[nodiscard]] result<std::string> url_endpoint(const std::string& url);

/// Whether an endpoint, as `url_endpoint` gives it, is this machine itself: `localhost`, 127.x.x.x
/// or `[::1]`. No name is looked up.
[[nodiscard]] bool is_loopback_endpoint(std::string_view endpoint);

}  // namespace throughline::http
