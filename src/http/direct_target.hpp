// Which requests need nothing that libcurl is there for: plain HTTP to an address that is written
// out, or to `localhost`, without a proxy between. Pure, but for the environment's proxies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aio/asio.hpp"
#include "http/client.hpp"

namespace throughline::http {

struct direct_target {
  std::string endpoint;                       // host:port, for connections' reuse and for errors
  std::string host;                           // of the Host field
  std::string path;                           // and the query
  std::vector<aio::tcp::endpoint> addresses;  // to be tried in this order; at least one
};

/// nullopt: a job for libcurl, which also says what is wrong with a URL.
[[nodiscard]] std::optional<direct_target> direct_target_of(const std::string& url);

/// The request as it is sent. REQUIRES: no header_fault().
[[nodiscard]] std::string encode_request(const client_request& request,
                                         const direct_target& target);

}  // namespace throughline::http
