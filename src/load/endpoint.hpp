// Where a server is, resolved once. Used by everything in here that connects.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace throughline::load {

struct endpoint {
  std::string authority;        // of the URL, for the Host header
  std::string authorization{};  // a whole header line, or empty
  std::uint16_t port = 0;
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
};

/// Of `http://HOST:PORT` with or without a path, which is ignored. `invalid_request` says what is
/// wrong with the URL or that the host has no address. Blocks while it asks for the address.
[[nodiscard]] result<endpoint> resolve(std::string_view url);

/// One request on a connection of its own, blocking; the body of the reply, if its status is 200.
/// `unavailable` says what went wrong.
[[nodiscard]] result<std::string> get_body(const endpoint& from, std::string_view target,
                                           std::chrono::seconds patience);

}  // namespace throughline::load
