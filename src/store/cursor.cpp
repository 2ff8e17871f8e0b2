#include "store/cursor.hpp"

#include <charconv>

namespace throughline::store {
namespace {

// Hexadecimal of "c.PINNED.TIME.ID", "n.NUMBER.ID" and "m.SEQ": plain enough to need no escaping,
// opaque enough not to be made by hand.
std::string to_hex(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() * 2);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 0x0FU];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0 || text.size() > 200) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto* end = text.data() + i + 2;
    const auto [stopped, failure] = std::from_chars(text.data() + i, end, byte, 16);
    if (failure != std::errc() || stopped != end) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

/// Takes a non-negative number and the dot after it off the front of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped == end || *stopped != '.' || number < 0)
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()) + 1);
  return number;
}

}  // namespace

std::string to_cursor(const list_place& place) {
  return to_hex("c." + std::to_string(place.pinned) + '.' + std::to_string(place.updated_at) + '.' +
                place.id.to_string());
}

std::optional<list_place> parse_list_cursor(std::string_view cursor) {
  const auto plain = from_hex(cursor);
  if (!plain || !plain->starts_with("c.")) return std::nullopt;
  auto rest = std::string_view(*plain).substr(2);
  const auto pinned = take_number(rest);
  if (!pinned || *pinned > 1) return std::nullopt;
  const auto updated_at = take_number(rest);
  if (!updated_at) return std::nullopt;
  const auto id = conversation_id::parse(rest);
  if (!id) return std::nullopt;
  const list_place place{*pinned, *updated_at, *id};
  if (to_cursor(place) != cursor) return std::nullopt;  // another spelling of the same
  return place;
}

std::string to_cursor(const numbered_place& place) {
  return to_hex("n." + std::to_string(place.number) + '.' + place.id.to_string());
}

std::optional<numbered_place> parse_numbered_cursor(std::string_view cursor) {
  const auto plain = from_hex(cursor);
  if (!plain || !plain->starts_with("n.")) return std::nullopt;
  auto rest = std::string_view(*plain).substr(2);
  const auto number = take_number(rest);
  if (!number) return std::nullopt;
  const auto id = uuid::parse(rest);
  if (!id) return std::nullopt;
  const numbered_place place{*number, *id};
  if (to_cursor(place) != cursor) return std::nullopt;
  return place;
}

std::string to_cursor(std::int64_t seq) {
  return to_hex("m." + std::to_string(seq) + '.');
}

std::optional<std::int64_t> parse_seq_cursor(std::string_view cursor) {
  const auto plain = from_hex(cursor);
  if (!plain || !plain->starts_with("m.")) return std::nullopt;
  auto rest = std::string_view(*plain).substr(2);
  const auto seq = take_number(rest);
  if (!seq || !rest.empty() || to_cursor(*seq) != cursor) return std::nullopt;
  return seq;
}

}  // namespace throughline::store
