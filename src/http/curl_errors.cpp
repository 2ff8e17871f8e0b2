#include "http/curl_errors.hpp"

#include <fmt/format.h>

namespace throughline::http {
namespace {

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

error transfer_error(CURLcode code, const transfer_circumstances& when) {
  if (is_tls_failure(code)) {
    return fail(errc::provider_unreachable,
                fmt::format("could not make a secure connection to {}{}", when.endpoint,
                            reason_text(when)));
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return fail(errc::provider_unreachable,
                  fmt::format("could not find the address of {}",
                              code == CURLE_COULDNT_RESOLVE_HOST ? when.endpoint : "the proxy"));
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return could_not_connect(when);
    case CURLE_OPERATION_TIMEDOUT:
      return could_not_connect_in_time(when);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return when.connected ? connection_lost(when) : could_not_connect(when);
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer in HTTP/0.9, that is, in anything
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
      return response_unreadable(when);
    default:
      break;
  }
  return fail(errc::provider_unreachable,
              fmt::format("the request to {} failed{}", when.endpoint, reason_text(when)));
}

}  // namespace throughline::http
