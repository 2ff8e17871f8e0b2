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
/// `unavailable` for what else the system says. What is accepted sends small writes at once, ends
/// when its peer has vanished without a word for `write_timeout`, and leaves little unsent with the
/// kernel.
[[nodiscard]] result<std::vector<aio::tcp_acceptor>> listen_on(
    aio::event_loops& loops, const std::string& address, std::uint16_t port,
    std::chrono::milliseconds write_timeout);

}  // namespace throughline::http
