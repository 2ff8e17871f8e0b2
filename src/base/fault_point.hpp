// Places in the program where a test can make the process die, stop, wait or fail: what happens
// between two steps is otherwise a matter of luck. Only builds with THROUGHLINE_FAULT_POINTS
// (presets debug, asan, tsan) have them. In a release build a point compiles to nothing, and the
// variable that arms it is refused as unknown.
//
// Armed by the environment, several separated by commas:
//
//   THROUGHLINE_FAULT=POINT:ACTION[:NTH]
//
//   POINT    one of fault_point_names
//   ACTION   kill      SIGKILL to this process
//            stop      SIGSTOP to this process; whoever sends SIGCONT wakes it up
//            delay-MS  the thread sleeps
//            fail      the call returns true, and the place behaves as if its work had failed
//   NTH      at which passing: 3 the third (1 unless given), 3+ the third and all after it
//
// Each time one acts a line "fault point POINT: ACTION" goes to standard error. A value that cannot
// be read ends the process: a test with a typing mistake must not pass.
#pragma once

#ifndef THROUGHLINE_FAULT_POINTS
#error "name this source among the fault_point_sources of CMakeLists.txt"
#endif

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace throughline {

inline constexpr std::array<std::string_view, 8> fault_point_names{
    "submit.before_commit",  // all of the post is written, nothing is committed
    "submit.after_commit",   // the post is durable, nobody has been told
    "claim.before_open",     // the task is claimed, its log is not open
    "heartbeat.before",      // before the lease is renewed
    "finish.before_commit",  // the end is written, nothing is committed
    "finish.after_commit",   // the end is durable, the log has no terminal chunk
    "commit.before",         // of any group of transactions
    "commit.after",
};

#if THROUGHLINE_FAULT_POINTS

inline constexpr bool has_fault_points = true;

struct fault_plan {
  enum class action : std::uint8_t { kill, stop, delay, fail };
  std::string point;
  action what = action::kill;
  std::int64_t delay_ms = 0;
  std::int64_t nth = 1;
  bool and_later = false;
};

/// What `text`, in the form above, arms. `invalid_request` says what is wrong with it.
[[nodiscard]] result<std::vector<fault_plan>> parse_fault_plans(std::string_view text);

/// Passes the point `name`. True: behave as if it had failed. Thread-safe. REQUIRES: a name of
/// fault_point_names. Asserted.
bool fault_point(std::string_view name);

#else

inline constexpr bool has_fault_points = false;

constexpr bool fault_point(std::string_view) noexcept {
  return false;
}

#endif

}  // namespace throughline
