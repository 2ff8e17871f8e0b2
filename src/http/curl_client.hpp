// The client for everything that is not near by, over libcurl.
#pragma once

#include <memory>

#include "http/client.hpp"

namespace throughline::http {

/// As make_http_client says, but every request goes through libcurl.
[[nodiscard]] std::unique_ptr<http_client> make_curl_client(aio::event_loop& loop);

}  // namespace throughline::http
