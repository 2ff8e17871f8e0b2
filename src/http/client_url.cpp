#include "http/client_url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <memory>

namespace throughline::http {
namespace {

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

std::string url_parts::endpoint() const {
  return fmt::format("{}:{}", host, port);
}

result<url_parts> split_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(errc::invalid_request, "the address is not a valid URL");
  }
  url_parts found;
  found.scheme = url_part(parts.get(), CURLUPART_SCHEME);
  if (found.scheme != "http" && found.scheme != "https") {
    return fail(errc::invalid_request, "the address does not begin with http:// or https://");
  }
  found.host = url_part(parts.get(), CURLUPART_HOST);
  const auto port = url_part(parts.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), found.port);
  found.target = url_part(parts.get(), CURLUPART_PATH);
  const auto query = url_part(parts.get(), CURLUPART_QUERY);
  if (!query.empty()) found.target += '?' + query;
  for (const auto part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_ZONEID}) {
    if (!url_part(parts.get(), part).empty()) found.is_odd = true;
  }
  return found;
}

result<std::string> url_endpoint(const std::string& url) {
  const auto parts = split_url(url);
  if (!parts) return parts.error();
  return parts->endpoint();
}

bool is_loopback_endpoint(std::string_view endpoint) {
  const std::string host(endpoint.substr(0, endpoint.rfind(':')));
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

}  // namespace throughline::http
