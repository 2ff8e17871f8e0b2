// Values as people write them in flags, variables and files: durations, sizes, counts, switches,
// and the guess at what somebody meant who mistyped a name. Pure functions. Used by the
// configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace throughline::app {

/// A whole number with ms, s, m, h or d after it; a bare number means seconds. nullopt for anything
/// else, and for what does not fit into 64 bits of milliseconds.
[[nodiscard]] std::optional<milliseconds> parse_duration(std::string_view text);
/// The shortest form that parse_duration() reads back as the same: `1h`, `90s`, `1500ms`.
[[nodiscard]] std::string format_duration(milliseconds duration);

/// A whole number of bytes, or one with B, K, M, G, KiB, MiB, GiB (powers of 1024) or kB, MB, GB
/// (powers of 1000) after it, in either case.
[[nodiscard]] std::optional<std::int64_t> parse_bytes(std::string_view text);
[[nodiscard]] std::string format_bytes(std::int64_t bytes);

/// Decimal digits with an optional sign; `_` or `,` between them is not accepted.
[[nodiscard]] std::optional<std::int64_t> parse_count(std::string_view text);

/// true/1/yes/on, false/0/no/off, in either case.
[[nodiscard]] std::optional<bool> parse_switch(std::string_view text);

/// The parts between commas without blanks around them; empty parts are left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);

/// How many characters must be inserted, removed, replaced or swapped with their neighbour to get
/// from `a` to `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
/// The known name nearest to `name`, unless even that one is too far away to have been meant.
[[nodiscard]] std::optional<std::string> closest(std::string_view name,
                                                 std::span<const std::string> known);
/// `; did you mean "listen"?`, or nothing.
[[nodiscard]] std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace throughline::app
