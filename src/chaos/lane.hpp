// One direction of one connection through a chaos proxy: a bounded queue that says which bytes may
// leave when, and where the connection ends. Pure: bytes and times in, steps out. Used by
// chaos::connection, which owns the sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "chaos/rules.hpp"

namespace throughline::chaos {

class lane {
 public:
  /// At most `bytes_max` wait to leave. A sender that is faster than the receiver, or than the
  /// rules allow, is not read from until there is room: it feels that as it would without a proxy.
  /// `random` outlives the lane.
  lane(const direction_rules& how, std::size_t bytes_max, random_source& random);

  /// From now on. The place of a cut is drawn anew and counts from the beginning of the connection;
  /// one that has passed already cuts at once. What is queued keeps the delay it was given.
  void apply(const direction_rules& how);

  [[nodiscard]] std::size_t room() const noexcept { return bytes_max_ - queued_; }
  /// REQUIRES: bytes.size() <= room(), and no end() before.
  void push(std::string_view bytes, steady_time now);
  /// The sender has closed its side, or its connection broke. Takes effect behind what is queued.
  enum class ending : std::uint8_t { closed, broken };
  void end(ending how, steady_time now);

  enum class action : std::uint8_t {
    wait,    // nothing to do before `until`, or before the next push(), end() or apply()
    write,   // pass `bytes`, or some of them, and say how many by wrote()
    cut,     // end the connection, as the rules say
    finish,  // close this direction: the sender has
    abort,   // reset the connection: the sender's broke
  };
  struct step {
    action what = action::wait;
    std::string_view bytes;  // until the next wrote() or apply()
    steady_time until = steady_time::max();
  };
  [[nodiscard]] step next(steady_time now) const;
  void wrote(std::size_t bytes, steady_time now);

  /// Bytes that have left.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  struct piece {
    std::string bytes;
    steady_time due;
  };

  [[nodiscard]] steady_time due_of_new(steady_time now);
  [[nodiscard]] bool is_at_cut() const;

  direction_rules rules_;
  const std::size_t bytes_max_;
  random_source& random_;
  std::optional<std::uint64_t> cut_at_;
  std::deque<piece> queue_;
  std::size_t queued_ = 0;
  std::size_t front_sent_ = 0;  // of the first piece
  std::uint64_t written_ = 0;
  steady_time last_due_ = steady_time::min();
  steady_time free_at_ = steady_time::min();  // when the rate allows the next write
  std::optional<ending> ended_;
};

}  // namespace throughline::chaos
