// The provider for OpenAI and every server that speaks its chat.completions: one POST per answer,
// streamed.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/http_clients.hpp"
#include "provider/http_completion.hpp"
#include "provider/provider.hpp"

namespace throughline::provider {

struct openai_options {
  std::string name = "openai";
  std::string base_url = "https://api.openai.com/v1";  // base_url.hpp says what is understood
  std::string api_key;                                 // empty: no Authorization header
  std::vector<std::pair<std::string, std::string>> extra_headers;
  /// Merged into the body of each request, above what is sent by itself; a null takes a field out.
  boost::json::object extra_body;
  http_timeouts timeouts;
  std::chrono::milliseconds trailing_max = trailing_max_default;
};

/// `clients` must outlive the provider.
[[nodiscard]] std::shared_ptr<provider> make_openai_provider(openai_options options,
                                                             http_clients& clients);

}  // namespace throughline::provider
