// A table for a terminal: columns as wide as what is in them, lines cut where the terminal ends.
// Pure. Used by operate.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace throughline::app {

using table_row = std::vector<std::string>;

/// `width` in characters; 0: no line is cut. Nothing in a cell steers the terminal. Each line ends
/// with a line feed and has no blanks before it.
[[nodiscard]] std::string format_table(const table_row& head, const std::vector<table_row>& rows,
                                       std::size_t width);

/// For people: `12s`, `5m`, `3h`, `2d`; less than a second is `0s`.
[[nodiscard]] std::string format_span(milliseconds span);

/// `2026-11-20T18:03:04.123Z` as the API writes it; nullopt for anything else.
[[nodiscard]] std::optional<wall_time> parse_rfc3339(std::string_view text);

}  // namespace throughline::app
