// A Redis server as everything here names it: its address, with what TLS needs read once at start.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "base/error.hpp"
#include "redis/address.hpp"

namespace throughline::redis {

struct server {
  address at;
  std::shared_ptr<boost::asio::ssl::context> tls;  // nullptr: plain TCP
};

/// `invalid_request` if the file of certificates cannot be read. Connects to nothing.
[[nodiscard]] result<server> make_server(address at);

}  // namespace throughline::redis
