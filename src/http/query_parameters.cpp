#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "http/message.hpp"
#include "http/percent.hpp"

namespace throughline::http {
namespace {

constexpr std::array<std::string_view, 4> yes{"true", "1", "yes", "on"};
constexpr std::array<std::string_view, 4> no{"false", "0", "no", "off"};

}  // namespace

result<query_parameters> query_parameters::parse(std::string_view text) {
  query_parameters parsed;
  while (!text.empty()) {
    const auto piece = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), piece.size() + 1));
    if (piece.empty()) continue;
    const auto equals = std::min(piece.find('='), piece.size());
    auto name = percent_decode(piece.substr(0, equals), plus_sign::is_space);
    auto value =
        percent_decode(piece.substr(std::min(piece.size(), equals + 1)), plus_sign::is_space);
    if (!name || !value) {
      return fail(errc::invalid_request,
                  "the query string has a bad percent escape or is not UTF-8");
    }
    // find() answers with the first of a name: one that comes again needs no check here.
    parsed.values_.emplace_back(std::move(*name), std::move(*value));
  }
  return parsed;
}

std::optional<std::string_view> query_parameters::find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

result<std::optional<std::int64_t>> query_parameters::integer(std::string_view name,
                                                              std::int64_t min,
                                                              std::int64_t max) const {
  const auto text = find(name);
  if (!text) return std::optional<std::int64_t>{};
  std::int64_t value = 0;
  const auto* const first = text->data();
  const auto* const last = first + text->size();
  const auto [end, problem] = std::from_chars(first, last, value);
  if (problem != std::errc{} || end != last || value < min || value > max) {
    return fail(
        errc::invalid_request,
        fmt::format("the parameter {} must be a whole number from {} to {}", name, min, max));
  }
  return std::optional(value);
}

result<std::optional<bool>> query_parameters::boolean(std::string_view name) const {
  const auto text = find(name);
  if (!text) return std::optional<bool>{};
  if (std::ranges::find(yes, *text) != yes.end()) return std::optional(true);
  if (std::ranges::find(no, *text) != no.end()) return std::optional(false);
  return fail(errc::invalid_request, fmt::format("the parameter {} must be true or false", name));
}

std::optional<std::string_view> query_parameters::unknown(
    std::span<const std::string_view> known) const {
  for (const auto& [name, value] : values_) {
    if (std::ranges::find(known, name) == known.end()) return name;
  }
  return std::nullopt;
}

}  // namespace throughline::http
