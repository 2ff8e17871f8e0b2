// Places in the program where a test can make the process die: what happens between two steps is
// otherwise a matter of luck. Only builds with THROUGHLINE_FAULT_POINTS (presets debug, asan, tsan)
// have them. In a release build a point compiles to nothing, and the variable that arms it is
// refused as unknown.
//
// Armed by the environment:
//
//   THROUGHLINE_FAULT=POINT[:NTH]
//
//   POINT    one of fault_point_names
//   NTH      at which passing: 3 the third (1 unless given)
//
// There the process gets SIGKILL, behind a line "fault point POINT" on standard error. A value that
// cannot be read ends the process: a test with a typing mistake must not pass.
#pragma once

#ifndef THROUGHLINE_FAULT_POINTS
#error "name this source among the fault_point_sources of CMakeLists.txt"
#endif

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace throughline {

inline constexpr std::array<std::string_view, 7> fault_point_names{
    "submit.before_commit",  // all of the post is written, nothing is committed
    "submit.after_commit",   // the post is durable, nobody has been told
    "claim.before_open",     // the task is claimed, its log is not open
    "finish.before_commit",  // the end is written, nothing is committed
    "finish.after_commit",   // the end is durable, the log has no terminal chunk
    "commit.before",         // of any group of transactions
    "commit.after",
};

#if THROUGHLINE_FAULT_POINTS

inline constexpr bool has_fault_points = true;

struct fault_plan {
  std::string point;
  std::int64_t nth = 1;
};

/// What `text`, in the form above, arms. `invalid_request` says what is wrong with it.
[[nodiscard]] result<fault_plan> parse_fault_plan(std::string_view text);

/// Passes the point `name`. Thread-safe. REQUIRES: a name of fault_point_names. Asserted.
void fault_point(std::string_view name);

#else

inline constexpr bool has_fault_points = false;

constexpr void fault_point(std::string_view) noexcept {}

#endif

}  // namespace throughline
