#include "app/text_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace throughline::app {
namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array duration_units{unit{"ms", 1}, unit{"s", 1000}, unit{"m", 60'000},
                                    unit{"h", 3'600'000}, unit{"d", 86'400'000}};
constexpr std::array byte_units{
    unit{"", 1},        unit{"b", 1},          unit{"k", 1 << 10},       unit{"kib", 1 << 10},
    unit{"m", 1 << 20}, unit{"mib", 1 << 20},  unit{"g", 1 << 30},       unit{"gib", 1 << 30},
    unit{"kb", 1'000},  unit{"mb", 1'000'000}, unit{"gb", 1'000'000'000}};

std::optional<std::int64_t> multiply(std::int64_t number, std::int64_t factor) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
  return product;
}

/// A number that is not negative, and what follows it, in lower case and without blanks.
std::optional<std::pair<std::int64_t, std::string>> split_number(std::string_view text) {
  text = trim(text);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_count(text.substr(0, digits));
  if (!number) return std::nullopt;
  return std::pair(*number, to_lower(trim(text.substr(digits))));
}

template <class Units>
std::optional<std::int64_t> factor_of(const Units& units, std::string_view name) {
  const auto found = std::ranges::find(units, name, &unit::name);
  if (found == units.end()) return std::nullopt;
  return found->factor;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  text = trim(text);
  std::int64_t number = 0;
  const auto* const begin = text.data();
  const auto* const end = begin + text.size();
  const auto [stopped, failure] = std::from_chars(begin, end, number);
  if (failure != std::errc{} || stopped != end || text.empty()) return std::nullopt;
  return number;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto parts = split_number(text);
  if (!parts) return std::nullopt;
  const auto factor = factor_of(duration_units, parts->second.empty() ? "s" : parts->second);
  if (!factor) return std::nullopt;
  const auto total = multiply(parts->first, *factor);
  if (!total) return std::nullopt;
  return milliseconds(*total);
}

std::string format_duration(milliseconds duration) {
  const auto ms = duration.count();
  if (ms == 0) return "0s";
  for (auto unit = duration_units.rbegin(); unit != duration_units.rend(); ++unit) {
    if (ms % unit->factor == 0) return fmt::format("{}{}", ms / unit->factor, unit->name);
  }
  return fmt::format("{}ms", ms);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  const auto parts = split_number(text);
  if (!parts) return std::nullopt;
  const auto factor = factor_of(byte_units, parts->second);
  if (!factor) return std::nullopt;
  return multiply(parts->first, *factor);
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array units{unit{"GiB", 1 << 30}, unit{"MiB", 1 << 20}, unit{"KiB", 1 << 10}};
  for (const auto& unit : units) {
    if (bytes != 0 && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return std::to_string(bytes);
}

std::optional<bool> parse_switch(std::string_view text) {
  const auto lower = to_lower(trim(text));
  for (const auto* yes : {"true", "1", "yes", "on"}) {
    if (lower == yes) return true;
  }
  for (const auto* no : {"false", "0", "no", "off"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment, with three rows of the matrix.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::optional<std::string> closest(std::string_view name, std::span<const std::string> known) {
  std::optional<std::string> best;
  auto least = std::numeric_limits<std::size_t>::max();
  for (const auto& candidate : known) {
    const auto distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  if (!best || least > std::max<std::size_t>(2, name.size() / 3)) return std::nullopt;
  return best;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  const auto meant = closest(name, known);
  return meant ? fmt::format("; did you mean \"{}\"?", *meant) : std::string();
}

}  // namespace throughline::app
