// What the pages that the binary carries tell a browser about themselves.
#pragma once

#include <string>
#include <string_view>

namespace throughline::api {

/// What stands between the first `<element>` of a page and its end, as a Content-Security-Policy
/// names it: `'sha256-...'`.
[[nodiscard]] std::string source_of(std::string_view page, std::string_view element);

}  // namespace throughline::api
