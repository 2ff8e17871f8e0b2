// Pure functions on the texts the store keeps.
#pragma once

#include <string>
#include <string_view>

namespace throughline::store {

/// As both databases can keep it: U+0000, which PostgreSQL has no place for, becomes U+FFFD.
[[nodiscard]] std::string storable(std::string text);

/// The first line of a message that is not blank, at most 60 characters of it (then with an
/// ellipsis). Valid UTF-8 in, valid UTF-8 out. Empty if there is none.
[[nodiscard]] std::string title_of(std::string_view content);

/// A LIKE pattern (ESCAPE '\') for "contains exactly this".
[[nodiscard]] std::string like_pattern(std::string_view search);

/// About 120 characters of `text` around the first place of `search` (ASCII letters without case),
/// on one line, with an ellipsis where something was left out. The start of the text if `search` is
/// not found that way.
[[nodiscard]] std::string snippet_around(std::string_view text, std::string_view search);

}  // namespace throughline::store
