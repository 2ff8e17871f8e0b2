// What a chaos proxy does to the bytes that pass through it, and the one line in which a person or
// a test writes that. Pure. Used by the proxy, its control port and its command line.
//
// A rule is NAME=NUMBER; rules stand side by side with blanks between them. A name alone counts for
// both directions, with `up.` before it for the bytes from the client to the server, with `down.`
// for those from the server to the client:
//
//   delay_ms=50            each byte arrives so much later
//   jitter_ms=20           and up to so much later than that; the order of bytes never changes
//   bytes_per_s=10000      no faster than this
//   split_bytes=1          no write is larger: the receiver gets the stream in such pieces
//   cut_after_bytes=500    the connection ends right behind this byte of this direction. With 0 it
//                          ends when the first byte would pass: a reply that is lost whole
//   cut_after_bytes=1..500 the same at a byte that is drawn for each connection
//
// and for the whole connection:
//
//   rst=1                  a cut is a TCP reset instead of a clean end
//   blackhole=1            nothing passes, nothing is answered, nothing is closed, as when a cable
//   is
//                          pulled; what was held back goes on when the rule is lifted
//
// No rules: everything passes as it comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace throughline::chaos {

struct byte_range {
  std::uint64_t least = 0;
  std::uint64_t most = 0;  // >= least
  bool operator==(const byte_range&) const = default;
};

struct direction_rules {
  milliseconds delay{0};
  milliseconds jitter{0};
  std::uint64_t bytes_per_s = 0;  // 0: as fast as it goes
  std::uint64_t split_bytes = 0;  // 0: as it comes
  std::optional<byte_range> cut_after;
  bool operator==(const direction_rules&) const = default;
};

struct rules {
  direction_rules up;    // client to server
  direction_rules down;  // server to client
  bool rst = false;
  bool blackhole = false;
  bool operator==(const rules&) const = default;
};

/// `invalid_request` names the first rule that is none. Of a rule given twice the last one counts.
[[nodiscard]] result<rules> parse_rules(std::string_view text);

}  // namespace throughline::chaos
