#include "provider/request_parts.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/value.hpp>

namespace throughline::provider {

std::string_view role_name(role from) noexcept {
  switch (from) {
    case role::system:
      return "system";
    case role::user:
      return "user";
    case role::assistant:
      break;
  }
  return "assistant";
}

void merge_body(json::object& body, const json::object& extra) {
  for (const auto& member : extra) {
    if (member.value().is_null()) {
      body.erase(member.key());
    } else {
      body[member.key()] = member.value();
    }
  }
}

std::string trimmed_key(std::string_view key) {
  static constexpr std::string_view blanks = " \t\r\n";
  const auto first = key.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return std::string(key.substr(first, key.find_last_not_of(blanks) - first + 1));
}

http::client_request make_request(std::string url, header_list headers, const header_list& extra,
                                  const http_timeouts& timeouts) {
  http::client_request request;
  request.url = std::move(url);
  for (const auto& [name, value] : extra) {
    std::erase_if(headers, [&](const auto& own) { return boost::iequals(own.first, name); });
    headers.emplace_back(name, value);
  }
  request.headers = std::move(headers);
  request.connect_timeout = timeouts.connect;
  request.first_byte_timeout = timeouts.first_byte;
  request.idle_timeout = timeouts.idle;
  request.total_timeout = timeouts.total;
  return request;
}

std::vector<std::string> secrets_of(const std::string& key, const header_list& extra) {
  static constexpr std::string_view bearer = "Bearer ";
  std::vector<std::string> secrets;
  for (const auto& [name, value] : extra) {
    const std::string_view content(value);
    secrets.emplace_back(content.starts_with(bearer) ? content.substr(bearer.size()) : content);
  }
  if (!key.empty()) secrets.push_back(key);
  return secrets;
}

}  // namespace throughline::provider
