// Proxies that are believed when they say for whom they ask, and whether that came to them by TLS:
// X-Forwarded-For and X-Forwarded-Proto of anybody else mean nothing, for everybody can send them.
// Pure; immutable.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "http/message.hpp"

namespace throughline::http {

class trusted_proxies {
 public:
  /// Nobody.
  trusted_proxies() = default;
  /// Addresses (`10.0.0.1`, `::1`) and networks (`172.16.0.0/12`, `fd00::/8`). `invalid_request`
  /// that names the one that is neither.
  [[nodiscard]] static result<trusted_proxies> parse(const std::vector<std::string>& texts);

  [[nodiscard]] bool is_empty() const noexcept { return v4_.empty() && v6_.empty(); }
  [[nodiscard]] bool trusts(const boost::asio::ip::address& who) const;

  /// REQUIRES that the request came from one of them. Its client is the last in X-Forwarded-For who
  /// is none of them: what stands before could be anything. It stays the proxy itself if there is
  /// no such field, or no address where the client's should be. The scheme is the last one in
  /// X-Forwarded-Proto.
  void look_behind(request& incoming) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace throughline::http
