#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "app/configuration.hpp"
#include "app/text_values.hpp"
#include "base/utf8.hpp"

namespace throughline::app {

bool is_loopback(std::string_view address) {
  return address == "::1" || address.starts_with("127.");
}

listen_address parse_listen(std::string_view text) {
  listen_address out;
  const auto bad = [&](std::string_view why) {
    out.problem =
        fmt::format("\"{}\" {}; write it like 127.0.0.1:8080, [::1]:8080 or localhost:8080",
                    to_valid_utf8(text), why);
    return out;
  };
  std::string host;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad("has no closing bracket");
    host = text.substr(1, close - 1);
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return bad("is no address");
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
  } else if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    host = "127.0.0.1";
    port = text;
  } else {
    host = text;
  }
  if (host == "localhost") host = "127.0.0.1";
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) != 1 && inet_pton(AF_INET6, host.c_str(), &v6) != 1) {
    return bad("is no numeric address");
  }
  out.address = host;
  if (!port) return out;
  const auto number = parse_count(*port);
  if (!number || *number < 0 || *number > 65535) return bad("has no port from 0 to 65535");
  out.port = static_cast<std::uint16_t>(*number);
  return out;
}

}  // namespace throughline::app
