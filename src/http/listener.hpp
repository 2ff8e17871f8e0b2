// Listening sockets: one per loop on the same address and port, so that the kernel deals
// connections out to the loops.
#pragma once

#include <vector>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"
#include "base/error.hpp"

namespace throughline::http {

/// `address` is an IP address or `localhost` (then 127.0.0.1); port 0: any free one, the same for
/// all. `conflict` when somebody else listens there, `invalid_request` for an address that is none,
/// `unavailable` for what else the system says.
[[nodiscard]] result<std::vector<aio::tcp_acceptor>> listen_on(aio::event_loops& loops,
                                                               const std::string& address,
                                                               std::uint16_t port);

}  // namespace throughline::http
