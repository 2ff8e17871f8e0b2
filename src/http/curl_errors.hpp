// What went wrong in a transfer, in plain words: from libcurl's codes to `error`. Names the host
// and the reason; never the path, the query, the user or the headers of a request, which may hold
// secrets.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace throughline::http {

/// `host:port` of an http or https URL (the port also when it is the scheme's own);
/// `invalid_request` if it is neither, with a detail that does not repeat the URL.
[[nodiscard]] result<std::string> url_endpoint(const std::string& url);

/// Whether an endpoint, as `url_endpoint` gives it, is this machine itself: `localhost`, 127.x.x.x
/// or
/// `[::1]`. No name is looked up.
[[nodiscard]] bool is_loopback_endpoint(std::string_view endpoint);

/// How far a transfer had come when it failed.
struct transfer_circumstances {
  std::string_view endpoint;
  bool connected = false;      // the request has been, or was being, sent
  bool has_head = false;       // of the response
  int os_error = 0;            // errno of a failed connect, 0 if unknown
  std::string_view curl_says;  // CURLOPT_ERRORBUFFER
  std::chrono::milliseconds connect_timeout{0};
};

/// REQUIRES: code != CURLE_OK.
[[nodiscard]] error transfer_error(CURLcode code, const transfer_circumstances& when);

/// `10 s`, `250 ms`, `30 min`.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace throughline::http
