// From libcurl's codes to `error`, in plain words.
#pragma once

#include <curl/curl.h>

#include "http/transfer_errors.hpp"

namespace throughline::http {

/// REQUIRES: code != CURLE_OK.
[[nodiscard]] error transfer_error(CURLcode code, const transfer_circumstances& when);

}  // namespace throughline::http
