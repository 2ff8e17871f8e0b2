// Listening sockets: one per loop on the same address and port, so that the kernel deals
// connections out to the loops; and what the kernel is told about a connection that came.
#pragma once

#include <chrono>
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

/// Small writes go out at once; a peer that has vanished without a word ends the connection after
/// `write_timeout`; and the kernel holds little of what the peer has not made room for.
void tune(aio::tcp_socket& accepted, std::chrono::milliseconds write_timeout);

}  // namespace throughline::http
