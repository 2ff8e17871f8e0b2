// Who listens on a port of this machine, as far as the kernel tells us: for the one error everybody
// meets. Linux's /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace throughline::app {

/// The inodes of the sockets that listen on `port`, from the text of /proc/net/tcp or
/// /proc/net/tcp6. Pure.
[[nodiscard]] std::set<std::uint64_t> listening_inodes(std::string_view proc_net_tcp,
                                                       std::uint16_t port);
/// `socket:[12345]` -> 12345. Pure.
[[nodiscard]] std::optional<std::uint64_t> socket_inode(std::string_view link);

/// The process that listens there; nullopt as below.
[[nodiscard]] std::optional<pid_t> find_port_process(std::uint16_t port);
/// `process 4242 (python3 -m http.server 8080)`; nullopt if nobody listens there or if it may not
/// be seen.
[[nodiscard]] std::optional<std::string> find_port_owner(std::uint16_t port);

}  // namespace throughline::app
