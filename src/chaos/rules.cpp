#include "chaos/rules.hpp"

#include <fmt/format.h>

#include <charconv>

namespace throughline::chaos {
namespace {

constexpr std::uint64_t milliseconds_max = 24ULL * 3600 * 1000;
constexpr std::uint64_t bytes_max = 1ULL << 50U;

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || stopped != end || value > most) return std::nullopt;
  return value;
}

std::optional<byte_range> range(std::string_view text) {
  const auto dots = text.find("..");
  const auto least = number(text.substr(0, dots), bytes_max);
  const auto most =
      dots == std::string_view::npos ? least : number(text.substr(dots + 2), bytes_max);
  if (!least || !most || *least > *most) return std::nullopt;
  return byte_range{*least, *most};
}

bool set_direction(direction_rules& of, std::string_view name, std::string_view value) {
  if (name == "cut_after_bytes") {
    of.cut_after = range(value);
    return of.cut_after.has_value();
  }
  const bool is_time = name == "delay_ms" || name == "jitter_ms";
  const auto amount = number(value, is_time ? milliseconds_max : bytes_max);
  if (!amount) return false;
  if (name == "delay_ms") {
    of.delay = milliseconds(*amount);
  } else if (name == "jitter_ms") {
    of.jitter = milliseconds(*amount);
  } else if (name == "bytes_per_s") {
    of.bytes_per_s = *amount;
  } else if (name == "split_bytes") {
    of.split_bytes = *amount;
  } else {
    return false;
  }
  return true;
}

bool set_rule(rules& of, std::string_view name, std::string_view value) {
  if (name == "rst" || name == "blackhole") {
    const auto on = number(value, 1);
    (name == "rst" ? of.rst : of.blackhole) = on == 1U;
    return on.has_value();
  }
  constexpr std::string_view up = "up.";
  constexpr std::string_view down = "down.";
  if (name.starts_with(up)) return set_direction(of.up, name.substr(up.size()), value);
  if (name.starts_with(down)) return set_direction(of.down, name.substr(down.size()), value);
  return set_direction(of.up, name, value) && set_direction(of.down, name, value);
}

}  // namespace

result<rules> parse_rules(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  rules parsed;
  while (true) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return parsed;
    text.remove_prefix(first);
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    const auto equals = word.find('=');
    const bool is_rule = equals != std::string_view::npos &&
                         set_rule(parsed, word.substr(0, equals), word.substr(equals + 1));
    if (!is_rule) {
      return fail(errc::invalid_request,
                  fmt::format("\"{:.60}\" is no rule; rules look like delay_ms=50, "
                              "down.cut_after_bytes=1..500 or rst=1",
                              word));
    }
  }
}

}  // namespace throughline::chaos
