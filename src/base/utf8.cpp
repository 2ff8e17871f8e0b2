#include "base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace throughline {
namespace {

struct sequence {
  std::size_t length;  // of the character, or of the ill-formed part; at least 1
  bool valid;
};

/// What the second byte may be; the later ones are always 80..BF (Unicode, table 3-7).
struct lead {
  std::size_t length = 0;  // 0: no character begins with this byte
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xBF;
};

constexpr lead lead_of(std::uint8_t byte) noexcept {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

/// The character or the maximal ill-formed part at the start of `text`, which is not empty.
sequence sequence_at(std::string_view text) noexcept {
  const lead first = lead_of(static_cast<std::uint8_t>(text[0]));
  if (first.length == 0) return {1, false};
  for (std::size_t i = 1; i < first.length; ++i) {
    if (i >= text.size()) return {i, false};
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const std::uint8_t min = i == 1 ? first.second_min : 0x80;
    const std::uint8_t max = i == 1 ? first.second_max : 0xBF;
    if (byte < min || byte > max) return {i, false};
  }
  return {first.length, true};
}

/// How many bytes at the start of `text` are ASCII, in steps of eight.
std::size_t ascii_run(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  return at;
}

}  // namespace

std::size_t valid_utf8_length(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    at += ascii_run(text.substr(at));
    // Then one by one for as long as a run of eight would be.
    for (const auto stop = std::min(at + 8, text.size()); at < stop;) {
      const sequence next = sequence_at(text.substr(at));
      if (!next.valid) return at;
      at += next.length;
    }
  }
  return at;
}

bool is_valid_utf8(std::string_view text) noexcept {
  return valid_utf8_length(text) == text.size();
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t good = valid_utf8_length(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return out;
    out.append("\xEF\xBF\xBD");
    text.remove_prefix(sequence_at(text).length);
  }
}

std::size_t utf8_prefix(std::string_view text, std::size_t bytes_max) noexcept {
  if (bytes_max >= text.size()) return text.size();
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0U) == 0x80U) --end;
  return end;
}

}  // namespace throughline
