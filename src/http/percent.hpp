// Percent decoding for paths and query strings. Pure; used by the router and by query_parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace throughline::http {

enum class plus_sign : bool { stays, is_space };

/// Decodes `%41` to `A`. nullopt for an escape that is not two hexadecimal digits, and if the
/// result is not UTF-8.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, plus_sign plus);

}  // namespace throughline::http
