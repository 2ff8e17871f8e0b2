#include "http/curl_errors.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>
#include <system_error>

#include "base/utf8.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t reason_bytes_max = 200;

std::string url_part(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string in_lower_case_first(std::string text) {
  const bool is_acronym = text.size() > 1 && std::isupper(static_cast<unsigned char>(text[1])) != 0;
  if (!text.empty() && !is_acronym) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

/// Curl's or the system's reason in parentheses, or nothing.
std::string reason(const transfer_circumstances& when) {
  std::string text;
  if (when.os_error != 0) {
    text = std::generic_category().message(when.os_error);
  } else {
    text = to_valid_utf8(when.curl_says);
    text.resize(utf8_prefix(text, reason_bytes_max));
  }
  if (text.empty()) return {};
  return fmt::format(" ({})", in_lower_case_first(std::move(text)));
}

error lost(const transfer_circumstances& when) {
  if (when.has_head) {
    return fail(errc::provider_truncated,
                fmt::format("the connection to {} broke off in the middle of the response{}",
                            when.endpoint, reason(when)));
  }
  return fail(
      errc::provider_unreachable,
      fmt::format("{} closed the connection before it answered{}", when.endpoint, reason(when)));
}

error unreadable(const transfer_circumstances& when) {
  return fail(errc::provider_bad_response, fmt::format("the response of {} is not readable HTTP{}",
                                                       when.endpoint, reason(when)));
}

bool is_tls_failure(CURLcode code) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
      return true;
    default:
      return false;
  }
}

}  // namespace

result<std::string> url_endpoint(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(errc::invalid_request, "the address is not a valid URL");
  }
  const auto scheme = url_part(parts.get(), CURLUPART_SCHEME, 0);
  if (scheme != "http" && scheme != "https") {
    return fail(errc::invalid_request, "the address does not begin with http:// or https://");
  }
  return fmt::format("{}:{}", url_part(parts.get(), CURLUPART_HOST, 0),
                     url_part(parts.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

bool is_loopback_endpoint(std::string_view endpoint) {
  const std::string host(endpoint.substr(0, endpoint.rfind(':')));
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

error transfer_error(CURLcode code, const transfer_circumstances& when) {
  if (is_tls_failure(code)) {
    return fail(
        errc::provider_unreachable,
        fmt::format("could not make a secure connection to {}{}", when.endpoint, reason(when)));
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return fail(errc::provider_unreachable,
                  fmt::format("could not find the address of {}",
                              code == CURLE_COULDNT_RESOLVE_HOST ? when.endpoint : "the proxy"));
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return fail(errc::provider_unreachable,
                  fmt::format("could not connect to {}{}", when.endpoint, reason(when)));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(errc::provider_unreachable,
                  fmt::format("could not connect to {} within {}", when.endpoint,
                              duration_text(when.connect_timeout)));
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      if (!when.connected) {
        return fail(errc::provider_unreachable,
                    fmt::format("could not connect to {}{}", when.endpoint, reason(when)));
      }
      return lost(when);
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer in HTTP/0.9, that is, in anything
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
      return unreadable(when);
    default:
      break;
  }
  return fail(errc::provider_unreachable,
              fmt::format("the request to {} failed{}", when.endpoint, reason(when)));
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count >= 120'000 && count % 60'000 == 0) return fmt::format("{} min", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{} s", count / 1000);
  return fmt::format("{} ms", count);
}

}  // namespace throughline::http
