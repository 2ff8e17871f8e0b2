// The provider for Anthropic's Messages API: one POST per answer, streamed.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/http_clients.hpp"
#include "provider/http_completion.hpp"
#include "provider/provider.hpp"

namespace throughline::provider {

enum class anthropic_auth : std::uint8_t { x_api_key, bearer };

struct anthropic_options {
  std::string name = "anthropic";
  std::string base_url = "https://api.anthropic.com";
  std::string api_key;  // empty: no key is sent
  anthropic_auth auth = anthropic_auth::x_api_key;
  std::string version = "2023-06-01";  // of the header anthropic-version
  std::int64_t max_tokens = 4096;      // the API demands one
  std::vector<std::pair<std::string, std::string>> extra_headers;
  /// Merged into the body of each request, above what is sent by itself; a null takes a field out.
  boost::json::object extra_body;
  http_timeouts timeouts;
};

/// `clients` must outlive the provider.
[[nodiscard]] std::shared_ptr<provider> make_anthropic_provider(anthropic_options options,
                                                                http_clients& clients);

}  // namespace throughline::provider
