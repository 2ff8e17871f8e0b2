// UTF-8 at the border with providers: what is stored and streamed is always valid, whatever
// arrives.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace throughline {

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// How many bytes at the start of `text` are well-formed UTF-8: all of them, or those before the
/// first ill-formed part.
[[nodiscard]] std::size_t valid_utf8_length(std::string_view text) noexcept;

/// `text` with every maximal ill-formed part replaced by U+FFFD (the practice the Unicode standard
/// recommends).
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

/// The largest n <= bytes_max such that the first n bytes of the valid UTF-8 `text` end at a
/// character's boundary.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text, std::size_t bytes_max) noexcept;

}  // namespace throughline
