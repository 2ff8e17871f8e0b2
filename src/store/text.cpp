#include "store/text.hpp"

#include <algorithm>

namespace throughline::store {
namespace {

constexpr std::string_view ellipsis = "\u2026";
constexpr std::string_view blanks = " \t\r\n\f\v";
constexpr std::size_t title_characters_max = 60;
constexpr std::size_t snippet_characters = 120;
constexpr std::size_t snippet_characters_before = 40;

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Where `characters` more characters from `at` end.
std::size_t forward(std::string_view text, std::size_t at, std::size_t characters) {
  while (at < text.size() && characters > 0) {
    ++at;
    while (at < text.size() && is_continuation(text[at])) ++at;
    --characters;
  }
  return at;
}

std::size_t backward(std::string_view text, std::size_t at, std::size_t characters) {
  while (at > 0 && characters > 0) {
    --at;
    while (at > 0 && is_continuation(text[at])) --at;
    --characters;
  }
  return at;
}

}  // namespace

std::string storable(std::string text) {
  if (text.find('\0') == std::string::npos) return text;
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (c == '\0') {
      out += "\uFFFD";
    } else {
      out += c;
    }
  }
  return out;
}

std::string title_of(std::string_view content) {
  const auto whole = trimmed(content);
  const auto line = trimmed(whole.substr(0, whole.find_first_of("\r\n")));
  const auto end = forward(line, 0, title_characters_max);
  if (end == line.size()) return storable(std::string(line));
  std::string title(trimmed(line.substr(0, end)));
  title += ellipsis;
  return storable(std::move(title));
}

std::string like_pattern(std::string_view search) {
  std::string pattern = "%";
  for (const char c : search) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  pattern += '%';
  return pattern;
}

std::string snippet_around(std::string_view text, std::string_view search) {
  const auto same = [](char a, char b) {
    return lower(a) == lower(b);
  };
  const auto found = std::search(text.begin(), text.end(), search.begin(), search.end(), same);
  const auto match = found == text.end() ? 0 : static_cast<std::size_t>(found - text.begin());
  const auto start = backward(text, match, snippet_characters_before);
  const auto end = forward(text, start, snippet_characters);
  std::string out;
  if (start > 0) out += ellipsis;
  for (const char c : text.substr(start, end - start)) {
    const bool is_blank = blanks.find(c) != std::string_view::npos;
    if (!is_blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (end < text.size()) out += ellipsis;
  return out;
}

}  // namespace throughline::store
