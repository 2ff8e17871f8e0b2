#include "http/content_coding.hpp"

#include <algorithm>

namespace throughline::http {
namespace {

/// In thousandths.
using weight = int;
constexpr weight weight_max = 1000;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The text up to a separator, which is taken away with it.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(piece);
}

/// `0`, `1`, `0.25`, `1.000`.
std::optional<weight> parse_weight(std::string_view text) {
  const bool has_form = !text.empty() && (text[0] == '0' || text[0] == '1') && text.size() <= 5 &&
                        (text.size() == 1 || text[1] == '.');
  if (!has_form) return std::nullopt;
  weight value = (text[0] - '0') * weight_max;
  weight place = weight_max / 10;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value += (digit - '0') * place;
    place /= 10;
  }
  return value <= weight_max ? std::optional(value) : std::nullopt;
}

/// What a client says about each coding; nullopt: nothing.
struct wishes {
  std::optional<weight> identity;
  std::optional<weight> gzip;
  std::optional<weight> brotli;
  std::optional<weight> others;

  void read(std::string_view item) {
    const auto name = take_until(item, ';');
    weight value = weight_max;
    while (!item.empty()) {
      auto parameter = take_until(item, ';');
      if (!same_name(take_until(parameter, '='), "q")) continue;
      const auto parsed = parse_weight(trimmed(parameter));
      if (!parsed) return;
      value = *parsed;
    }
    if (same_name(name, "identity")) identity = value;
    if (same_name(name, "gzip") || same_name(name, "x-gzip")) gzip = value;
    if (same_name(name, "br")) brotli = value;
    if (name == "*") others = value;
  }
};

}  // namespace

content_coding choose_coding(const header_fields& headers, available_codings exist) {
  wishes wanted;
  for (const auto& [name, value] : headers) {
    if (!same_name(name, "Accept-Encoding")) continue;
    std::string_view rest = value;
    while (!rest.empty()) wanted.read(take_until(rest, ','));
  }
  const auto worth = [&wanted](const std::optional<weight>& said) {
    return said.value_or(wanted.others.value_or(0));
  };
  const auto brotli = exist.brotli ? worth(wanted.brotli) : 0;
  const auto gzip = exist.gzip ? worth(wanted.gzip) : 0;
  // Unless a client says so, identity is liked least, but is always allowed.
  const auto best = std::max({brotli, gzip, wanted.identity.value_or(0)});
  if (best == 0) return content_coding::identity;
  if (brotli == best) return content_coding::brotli;
  return gzip == best ? content_coding::gzip : content_coding::identity;
}

}  // namespace throughline::http
