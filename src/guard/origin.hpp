// Hosts and origins as browsers write them, read strictly and made comparable. Pure; used by the
// door.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::guard {

/// `host` or `host:port`, as in a Host header.
struct authority {
  /// In lower case. An IPv6 address is in brackets and in its canonical spelling.
  std::string host;
  std::optional<std::uint16_t> port;

  friend auto operator<=>(const authority&, const authority&) = default;
};

/// nullopt for anything but a name, an IPv4 address or an IPv6 address in brackets, and perhaps a
/// port. `host:` has no port.
[[nodiscard]] std::optional<authority> parse_authority(std::string_view text);

/// `localhost`, an address of 127.0.0.0/8 in four decimal numbers, or `[::1]` in any spelling.
[[nodiscard]] bool is_loopback(const authority& place);

/// `scheme://host` or `scheme://host:port`, as in an Origin header. The default ports of http and
/// https are left out.
struct origin {
  std::string scheme;  // in lower case
  authority place;

  friend auto operator<=>(const origin&, const origin&) = default;
};

/// nullopt for anything else, `null` included.
[[nodiscard]] std::optional<origin> parse_origin(std::string_view text);

/// Whether a page of `page` talks to the server it came from when its request carries the Host
/// `here`. Which scheme the page was served by is not known here (there may be a proxy that speaks
/// TLS): the page's own counts.
[[nodiscard]] bool is_same_place(const origin& page, const authority& here);

}  // namespace throughline::guard
