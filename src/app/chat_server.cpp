#include "app/chat_server.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "app/provider_settings.hpp"
#include "app/run_file.hpp"
#include "app/setting_sources.hpp"
#include "app/text_values.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view default_port = "8080";

/// `word` as one word of a shell.
std::string quoted(std::string_view word) {
  constexpr std::string_view harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
  if (word.find_first_not_of(harmless) == std::string_view::npos) return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

configuration_sources sources_of(const std::string& data_dir) {
  std::map<std::string, std::vector<std::string>> flags;
  if (!data_dir.empty()) flags["data-dir"] = {data_dir};
  return process_sources(std::move(flags));
}

/// The port of a URL of this machine; empty if it is another one's, or has none.
std::string_view local_port(std::string_view url) {
  for (const std::string_view here : {"http://127.0.0.1:", "http://localhost:"}) {
    if (!url.starts_with(here)) continue;
    const auto rest = url.substr(here.size());
    return rest.substr(0, rest.find_first_not_of("0123456789"));
  }
  return {};
}

}  // namespace

std::string find_access_token(const std::string& data_dir) {
  return load_configuration(sources_of(data_dir)).values.access_token;
}

server_place find_server(const std::string& url, const std::string& data_dir) {
  const auto from = sources_of(data_dir);
  // A server reports what is wrong with its configuration; a chat needs none of it.
  std::vector<std::string> ignored;
  const setting_sources sources(from, ignored);
  server_place place{.url = url, .how_to_start = {}};
  if (place.url.empty()) place.url = sources.variable("THROUGHLINE_URL").value_or("");
  if (place.url.empty()) {
    const auto running = find_running_server(load_configuration(from).values.data_dir);
    place.url = running ? running->url : fmt::format("http://127.0.0.1:{}", default_port);
  }
  place.how_to_start = start_command(place.url, data_dir);
  place.token = find_access_token(data_dir);
  return place;
}

std::string start_command(std::string_view url, std::string_view data_dir) {
  std::string out = "throughline serve";
  const auto port = local_port(url);
  if (!port.empty() && port != default_port) out += fmt::format(" --listen 127.0.0.1:{}", port);
  if (!data_dir.empty()) out += " --data-dir " + quoted(data_dir);
  return out;
}

}  // namespace throughline::app
