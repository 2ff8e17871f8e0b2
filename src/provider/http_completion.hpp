// A completion over HTTP: sends the request, judges the head of the response, and feeds its body to
// the parser of the protocol. The thin shell around answer_parser. Used by openai and anthropic.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "http/client.hpp"
#include "provider/answer_parser.hpp"
#include "provider/provider.hpp"

namespace throughline::provider {

struct http_timeouts {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds first_byte{120'000};
  std::chrono::milliseconds idle{60'000};
  std::chrono::milliseconds total{30 * 60'000};
};

/// How long a stream may stay open after its finish reason, for the usage that may follow.
inline constexpr std::chrono::milliseconds trailing_max_default{2'000};

struct http_call {
  http::client_request request;
  std::unique_ptr<answer_parser> parser;
  std::vector<std::string> secrets;  // never in an error's detail
  std::chrono::milliseconds trailing_max = trailing_max_default;
};

/// `client` is the one of `loop`.
[[nodiscard]] std::unique_ptr<completion> start_http_completion(http::http_client& client,
                                                                aio::event_loop& loop,
                                                                http_call call);

/// GETs a list of models within 10 s: `{"data":[{"id":...}]}`, `{"models":[...]}` or a bare list.
/// On the loop of `client`.
[[nodiscard]] aio::awaitable<result<std::vector<std::string>>> fetch_models(
    http::http_client& client, http::client_request request, std::vector<std::string> secrets);

}  // namespace throughline::provider
