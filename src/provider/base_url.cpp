#include "provider/base_url.hpp"

#include <algorithm>
#include <initializer_list>

namespace throughline::provider {
namespace {

struct parts {
  std::string origin;  // scheme and host
  std::string path;    // without a slash at its end
  std::string query;   // with its question mark
};

bool is_this_machine(std::string_view host) {
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
}

parts split(std::string_view url, std::initializer_list<std::string_view> endpoints) {
  static constexpr std::string_view blanks = " \t\r\n";
  url.remove_prefix(std::min(url.find_first_not_of(blanks), url.size()));
  url = url.substr(0, url.find_last_not_of(blanks) + 1);
  url = url.substr(0, url.find('#'));

  parts found;
  if (const auto query = url.find('?'); query != std::string_view::npos) {
    found.query = url.substr(query);
    url = url.substr(0, query);
  }
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    found.origin = url.substr(0, scheme + 3);
    url.remove_prefix(scheme + 3);
  } else {
    found.origin = is_this_machine(url) ? "http://" : "https://";
  }
  const auto slash = std::min(url.find('/'), url.size());
  found.origin += url.substr(0, slash);
  auto path = url.substr(slash);
  const auto strip_slashes = [&path] {
    path = path.substr(0, path.find_last_not_of('/') + 1);
  };
  strip_slashes();
  for (const auto endpoint : endpoints) {
    if (path.ends_with(endpoint)) path.remove_suffix(endpoint.size());
  }
  strip_slashes();
  found.path = path;
  return found;
}

}  // namespace

std::string openai_url(std::string_view base_url, std::string_view path) {
  auto url = split(base_url, {"/chat/completions"});
  if (url.path.empty()) url.path = "/v1";
  return url.origin + url.path + std::string(path) + url.query;
}

std::string anthropic_url(std::string_view base_url, std::string_view path) {
  auto url = split(base_url, {"/messages"});
  if (!url.path.ends_with("/v1")) url.path += "/v1";
  return url.origin + url.path + std::string(path) + url.query;
}

}  // namespace throughline::provider
