#include "api/page_policy.hpp"

#include <algorithm>

#include "base/sha256.hpp"

namespace throughline::api {

std::string source_of(std::string_view page, std::string_view element) {
  const std::string opening = '<' + std::string(element) + '>';
  const auto begin = std::min(page.find(opening), page.size() - opening.size()) + opening.size();
  const auto inside = page.substr(begin, page.find("</" + std::string(element), begin) - begin);
  return "'sha256-" + sha256_base64(inside) + "'";
}

void add_page_headers(http::header_fields& headers) {
  headers.set("X-Frame-Options", "DENY");
  headers.set("Referrer-Policy", "same-origin");
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Permissions-Policy",
              "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), "
              "clipboard-read=(), display-capture=(), encrypted-media=(), geolocation=(), "
              "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), "
              "microphone=(), midi=(), payment=(), picture-in-picture=(), "
              "publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), "
              "window-management=(), xr-spatial-tracking=()");
}

}  // namespace throughline::api
