#include "http/trusted_proxies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>

#include "base/utf8.hpp"
#include "http/request_head.hpp"

namespace throughline::http {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

/// `::ffff:10.0.0.1` and `10.0.0.1` are one address.
ip::address normal_form(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

/// With or without a port, as some proxies write it; of version 6 perhaps in brackets.
std::optional<ip::address> forwarded_address(std::string_view text) {
  if (text.starts_with('[')) {
    text = text.substr(1, std::min(text.find(']'), text.size()) - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  error_code failure;
  const auto address = ip::make_address(std::string(text), failure);
  if (failure) return std::nullopt;
  return normal_form(address);
}

/// The members of all fields of this name, in order.
std::vector<std::string_view> members_of(const header_fields& headers, std::string_view name) {
  std::vector<std::string_view> members;
  for (const auto& [key, value] : headers) {
    if (!same_name(key, name)) continue;
    for (std::string_view left = value; !left.empty();) {
      const auto comma = std::min(left.find(','), left.size());
      members.push_back(without_blanks(left.substr(0, comma)));
      left.remove_prefix(std::min(comma + 1, left.size()));
    }
  }
  return members;
}

}  // namespace

result<trusted_proxies> trusted_proxies::parse(const std::vector<std::string>& texts) {
  trusted_proxies made;
  for (const auto& text : texts) {
    const bool is_network = text.find('/') != std::string::npos;
    error_code failure;
    const auto v4 = ip::make_network_v4(is_network ? text : text + "/32", failure);
    if (!failure) {
      made.v4_.push_back(v4.canonical());
      continue;
    }
    const auto v6 = ip::make_network_v6(is_network ? text : text + "/128", failure);
    if (failure) {
      return fail(errc::invalid_request,
                  fmt::format("\"{}\" is no numeric address and no network like 172.16.0.0/12",
                              to_valid_utf8(text)));
    }
    made.v6_.push_back(v6.canonical());
  }
  return made;
}

bool trusted_proxies::trusts(const ip::address& who) const {
  const auto address = normal_form(who);
  if (address.is_v4()) {
    return std::ranges::any_of(v4_, [&](const auto& network) {
      return ip::make_network_v4(address.to_v4(), network.prefix_length()).canonical() == network;
    });
  }
  return std::ranges::any_of(v6_, [&](const auto& network) {
    return ip::make_network_v6(address.to_v6(), network.prefix_length()).canonical() == network;
  });
}

void trusted_proxies::look_behind(request& incoming) const {
  const auto hops = members_of(incoming.headers, "X-Forwarded-For");
  for (const auto hop : std::views::reverse(hops)) {
    const auto address = forwarded_address(hop);
    if (!address) break;
    incoming.remote_address = address->to_string();
    if (!trusts(*address)) break;
  }
  const auto schemes = members_of(incoming.headers, "X-Forwarded-Proto");
  if (!schemes.empty()) incoming.is_secure = same_name(schemes.back(), "https");
}

}  // namespace throughline::http
