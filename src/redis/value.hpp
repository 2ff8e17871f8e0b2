// What Redis says: one value of RESP2 or RESP3, and what its error replies mean. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace throughline::redis {

enum class value_kind : std::uint8_t {
  null,
  integer,  // also a boolean: 0 or 1
  text,   // simple and bulk strings, verbatim strings (without their format), doubles, big numbers
  error,  // `text` is the whole line, its code first
  list,   // arrays and sets; of a map keys and values by turns
  push,   // out of band, only in RESP3: a message, an acknowledgement
};

struct value {
  value_kind is = value_kind::null;
  std::int64_t integer = 0;
  std::string text{};
  std::vector<value> items{};

  friend bool operator==(const value&, const value&) = default;
};

/// Why Redis did not do what it was asked to. In none of these cases has a command (or a script of
/// ours) done a part of it.
enum class refusal : std::uint8_t {
  other,          // our mistake, or a module's error
  loading,        // LOADING: it reads its data from disk
  read_only,      // READONLY: it is a replica now
  out_of_memory,  // OOM: at maxmemory, and nothing may be evicted
  moved,          // MOVED, ASK, CROSSSLOT: a cluster
  busy,           // BUSY: somebody's script runs too long
  not_signed_in,  // NOAUTH, WRONGPASS
  no_permission,  // NOPERM: the ACL of this user does not allow it
  no_script,      // NOSCRIPT: the script cache is empty
  not_ready,      // MASTERDOWN, CLUSTERDOWN, TRYAGAIN, NOREPLICAS
};

/// Of the text of an error reply.
[[nodiscard]] refusal refusal_of(std::string_view text) noexcept;
/// For a metric's label: `out_of_memory`.
[[nodiscard]] std::string_view to_string(refusal why) noexcept;
/// An error reply as an error of ours: `internal` for `other`, else `unavailable`, with a sentence
/// that says what to do. Nothing that a person wrote is repeated, only Redis's own words.
[[nodiscard]] error error_of(std::string_view text);

}  // namespace throughline::redis
