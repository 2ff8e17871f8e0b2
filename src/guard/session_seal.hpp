// What a browser keeps after it has signed in: not the access token but a note that says until when
// it may come in, sealed with a key that is made of the token. So every process that knows the
// token can read it, nothing is stored, and a new token voids all of them. Pure but for the random
// bytes. Used by the door.
//
//   note = expires "." nonce "." mac     (seconds since 1970 in decimal; 32 and 64 hexadecimal
//   digits)
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace throughline::guard {

class session_seal {
 public:
  static constexpr std::chrono::days lifetime{30};

  /// Slow on purpose (some 50 ms): a note that leaked must not be of use for guessing the token.
  explicit session_seal(std::string_view token);

  /// Good until `lifetime` from now.
  [[nodiscard]] std::string issue(wall_time now) const;
  /// Takes equally long for every note of the right form.
  [[nodiscard]] bool is_good(std::string_view note, wall_time now) const;

 private:
  [[nodiscard]] std::string mac_of(std::string_view text) const;

  std::array<unsigned char, 32> key_{};
};

/// Whether two texts are the same, in a time that tells nothing of either but their lengths.
[[nodiscard]] bool is_same_secret(std::string_view one, std::string_view other);

}  // namespace throughline::guard
