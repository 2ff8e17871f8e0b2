#include "guard/origin.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <charconv>

namespace throughline::guard {
namespace {

namespace ip = boost::asio::ip;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// What follows the host: nothing, `:` or `:port`.
bool read_port(std::string_view text, std::optional<std::uint16_t>& port) {
  if (text.empty() || text == ":") return true;
  if (text[0] != ':') return false;
  text.remove_prefix(1);
  std::uint16_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return false;
  port = value;
  return true;
}

std::optional<std::string> canonical_v6(std::string_view text) {
  // A zone is a matter of one machine, and no page can come from one.
  if (text.find('%') != std::string_view::npos) return std::nullopt;
  boost::system::error_code failure;
  const auto address = ip::make_address_v6(std::string(text), failure);
  if (failure) return std::nullopt;
  return "[" + address.to_string() + "]";
}

std::optional<std::uint16_t> default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https") return 443;
  return std::nullopt;
}

}  // namespace

std::optional<authority> parse_authority(std::string_view text) {
  authority place;
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    const auto address = canonical_v6(text.substr(1, bracket - 1));
    if (!address) return std::nullopt;
    place.host = *address;
    host_end = bracket + 1;
  } else {
    const auto is_part = [](char c) {
      return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
    };
    const auto end = std::find_if_not(text.begin(), text.end(), is_part);
    host_end = static_cast<std::size_t>(end - text.begin());
    if (host_end == 0) return std::nullopt;
    place.host = to_lower(text.substr(0, host_end));
  }
  if (!read_port(text.substr(host_end), place.port)) return std::nullopt;
  return place;
}

bool is_loopback(const authority& place) {
  if (place.host == "localhost" || place.host == "[::1]") return true;
  boost::system::error_code failure;
  const auto address = ip::make_address_v4(place.host, failure);
  return !failure && address.is_loopback();
}

std::optional<origin> parse_origin(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return std::nullopt;
  origin page;
  page.scheme = to_lower(text.substr(0, colon));
  const auto is_part = [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  if (!std::all_of(page.scheme.begin(), page.scheme.end(), is_part)) return std::nullopt;
  auto place = parse_authority(text.substr(colon + 3));
  if (!place) return std::nullopt;
  page.place = std::move(*place);
  if (page.place.port == default_port(page.scheme)) page.place.port.reset();
  return page;
}

bool is_same_place(const origin& page, const authority& here) {
  authority seen = here;
  if (seen.port == default_port(page.scheme)) seen.port.reset();
  return page.place == seen;
}

}  // namespace throughline::guard
