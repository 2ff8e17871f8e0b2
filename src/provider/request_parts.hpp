// What the requests to OpenAI-compatible servers and to Anthropic have in common. Pure. Used by the
// two providers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/client.hpp"
#include "provider/http_completion.hpp"
#include "provider/lenient_json.hpp"

namespace throughline::provider {

using header_list = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string_view role_name(role from) noexcept;

/// `extra` over `body`, member by member; a null takes a member out.
void merge_body(json::object& body, const json::object& extra);

/// A key as it was meant: files and copied lines bring blanks and line ends along.
[[nodiscard]] std::string trimmed_key(std::string_view key);

/// A request with these timeouts, JSON in both directions, and `extra` in place of what it names
/// again.
[[nodiscard]] http::client_request make_request(std::string url, header_list headers,
                                                const header_list& extra,
                                                const http_timeouts& timeouts);

/// The key and the values of headers that may hold one.
[[nodiscard]] std::vector<std::string> secrets_of(const std::string& key, const header_list& extra);

}  // namespace throughline::provider
