// What the pages that the binary carries tell a browser about themselves.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace throughline::api {

/// What stands between the first `<element>` of a page and its end, as a Content-Security-Policy
/// names it: `'sha256-...'`.
[[nodiscard]] std::string source_of(std::string_view page, std::string_view element);

/// What is the same for every page and every file of one: it is in no frame, shares no process with
/// pages of others, and asks for nothing that it does not use. Other sites do not hear where
/// somebody comes from; the policy is not the strictest one, under which browsers send their forms
/// with an Origin that is `null`.
void add_page_headers(http::header_fields& headers);

}  // namespace throughline::api
