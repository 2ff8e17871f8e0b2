#include "http/listener.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/ip/address.hpp>
#include <limits>

namespace throughline::http {
namespace {

using reuse_port = aio::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

using user_timeout = aio::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
using unsent_mark = aio::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;

/// Of an unsent text the log has one copy for all readers, the kernel one for each. Enough for the
/// next flight of a fast reader.
constexpr int unsent_bytes_max = 128 * 1024;

/// Connections have these from their acceptor, which saves three system calls for each: small
/// writes go out at once; a peer that has vanished without a word ends the connection after
/// `write_timeout`; and the kernel holds little of what the peer has not made room for.
void tune(aio::tcp_acceptor& acceptor, std::chrono::milliseconds write_timeout) {
  acceptor.set_option(aio::tcp::no_delay(true));
  // Bytes that nobody acknowledges look like progress for as long as they fit into the kernel's
  // buffer, and by itself it gives up after a quarter of an hour. 0 would mean the same.
  const auto patience =
      std::clamp<std::int64_t>(write_timeout.count(), 1, std::numeric_limits<int>::max());
  acceptor.set_option(user_timeout(static_cast<int>(patience)));
  acceptor.set_option(unsent_mark(unsent_bytes_max));
}

enum class sharing : bool { alone, with_our_loops };

aio::tcp_acceptor bind_to(aio::event_loop& loop, const aio::tcp::endpoint& where, sharing how) {
  aio::tcp_acceptor acceptor(loop.get_executor());
  acceptor.open(where.protocol());
  acceptor.set_option(aio::tcp_acceptor::reuse_address(true));
  if (how == sharing::with_our_loops) acceptor.set_option(reuse_port(true));
  acceptor.bind(where);
  return acceptor;
}

std::string name_of(const aio::tcp::endpoint& where) {
  const auto address = where.address().to_string();
  return where.address().is_v6() ? fmt::format("[{}]:{}", address, where.port())
                                 : fmt::format("{}:{}", address, where.port());
}

}  // namespace

result<std::vector<aio::tcp_acceptor>> listen_on(aio::event_loops& loops,
                                                 const std::string& address, std::uint16_t port,
                                                 std::chrono::milliseconds write_timeout) {
  aio::error_code bad_address;
  const auto ip =
      aio::asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, bad_address);
  if (bad_address) {
    return fail(errc::invalid_request, fmt::format("'{}' is not an IP address", address));
  }
  aio::tcp::endpoint where(ip, port);
  try {
    // Sockets that share a port share it with every process of this user. A second server would
    // silently take half of the connections: so the port is first taken alone, which fails if
    // anybody listens there.
    if (port != 0) bind_to(loops[0], where, sharing::alone);
    std::vector<aio::tcp_acceptor> acceptors;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      acceptors.push_back(bind_to(loops[i], where, sharing::with_our_loops));
      if (i == 0) where = acceptors[0].local_endpoint();
    }
    for (auto& acceptor : acceptors) {
      tune(acceptor, write_timeout);
      acceptor.listen();
    }
    return acceptors;
  } catch (const boost::system::system_error& failure) {
    if (failure.code() == aio::asio::error::address_in_use) {
      return fail(errc::conflict, name_of(where) + " is taken: somebody else listens there");
    }
    const bool is_privileged = failure.code() == aio::asio::error::access_denied;
    return fail(
        errc::unavailable,
        fmt::format("cannot listen on {}: {}{}", name_of(where), failure.code().message(),
                    is_privileged ? "; ports below 1024 need root, so choose a higher one" : ""));
  }
}

}  // namespace throughline::http
