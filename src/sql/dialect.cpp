#include "sql/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace throughline::sql {
namespace {

constexpr std::string_view blanks = " \t\r\n";

// Version 4: all random but the version and two bits that say whose layout it is.
constexpr std::string_view sqlite_random_uuid =
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || "
    "substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || "
    "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_fill_factor(std::string_view word) {
  return word.size() > 2 && word.starts_with("ff") &&
         std::all_of(word.begin() + 2, word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> sqlite_word(std::string_view word) {
  if (word == "lock" || word == "share" || is_fill_factor(word)) return "";
  if (word == "id") return "INTEGER";
  if (word == "key") return "text";
  if (word == "clustered") return "WITHOUT ROWID";
  if (word == "random_uuid") return std::string(sqlite_random_uuid);
  return std::nullopt;
}

std::optional<std::string> postgres_word(std::string_view word) {
  if (word == "lock") return "FOR UPDATE SKIP LOCKED";
  if (word == "share") return "FOR SHARE SKIP LOCKED";
  if (word == "id") return "bigint";
  // Comparing bytes costs a fraction of comparing by a language's rules, and every index of the
  // queue is made of ids.
  if (word == "key") return "text COLLATE \"C\"";
  if (word == "clustered") return "";
  if (word == "random_uuid") return "CAST(gen_random_uuid() AS text)";
  if (is_fill_factor(word)) return fmt::format("WITH (fillfactor={})", word.substr(2));
  return std::nullopt;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(blanks) == std::string_view::npos;
}

bool is_separator(std::string_view line) {
  const auto first = line.find_first_not_of(blanks);
  if (first == std::string_view::npos) return false;
  const auto last = line.find_last_not_of(blanks);
  return line.substr(first, last - first + 1) == ";;";
}

using dialect_word = std::optional<std::string> (*)(std::string_view word);

std::string translated(std::string_view text, dialect_word meaning) {
  std::string out;
  out.reserve(text.size());
  char quote = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (quote != 0) {
      // A doubled quote closes and opens again, which comes to the same.
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (text.substr(at, 2) == "--") {
      // A comment may hold an apostrophe, which begins nothing.
      const auto end = std::min(text.find('\n', at), text.size());
      out.append(text.substr(at, end - at));
      at = end;
      continue;
    } else if (c == '@') {
      auto end = at + 1;
      while (end < text.size() && is_word(text[end])) ++end;
      if (const auto word = meaning(text.substr(at + 1, end - at - 1))) {
        out.append(*word);
        at = end;
        continue;
      }
    }
    out.push_back(c);
    ++at;
  }
  return out;
}

}  // namespace

std::string to_sqlite(std::string_view text) {
  return translated(text, sqlite_word);
}

std::string to_postgres(std::string_view text) {
  return translated(text, postgres_word);
}

std::vector<std::string_view> split_statements(std::string_view statements) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  for (std::size_t at = 0; at < statements.size();) {
    const auto newline = statements.find('\n', at);
    const auto end = newline == std::string_view::npos ? statements.size() : newline + 1;
    if (is_separator(statements.substr(at, end - at))) {
      const auto piece = statements.substr(start, at - start);
      if (!is_blank(piece)) out.push_back(piece);
      start = end;
    }
    at = end;
  }
  const auto last = statements.substr(start);
  if (!is_blank(last)) out.push_back(last);
  return out;
}

}  // namespace throughline::sql
