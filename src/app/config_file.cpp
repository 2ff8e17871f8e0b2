#include "app/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "app/text_values.hpp"
#include "base/utf8.hpp"

namespace throughline::app {
namespace {

/// How many names may lie above a key. Settings need three.
constexpr std::size_t levels_max = 16;

/// Ends the reading of one line; caught in run().
struct bad_line : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool is_bare(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '+' || c == '.' || c == ':' || c == '/';
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class reader {
 public:
  explicit reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  config_document run() {
    while (at_ < text_.size()) {
      const auto began = line_;
      const auto entries_before = out_.entries.size();
      try {
        read_line();
      } catch (const bad_line& failure) {
        out_.problems.push_back(fmt::format("line {}: {}", began, failure.what()));
        out_.entries.resize(entries_before);
        at_ = std::min(text_.find('\n', at_), text_.size());
      }
      skip_line_end();
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  void skip_line_end() {
    if (at_ < text_.size()) ++at_;
    ++line_;
  }
  /// Blanks, comments and line ends: between the values of a list.
  void skip_space() {
    skip_blanks();
    while (at_ < text_.size() && peek() == '\n') {
      skip_line_end();
      skip_blanks();
    }
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, std::string_view where) {
    skip_blanks();
    if (!take(c)) throw bad_line(fmt::format("expected '{}' {}", c, where));
  }
  void expect_end() {
    skip_blanks();
    if (peek() != '\n')
      throw bad_line("unexpected text at the end (texts with blanks need quotes)");
  }

  void read_line() {
    skip_blanks();
    if (peek() == '\n') return;
    if (take('[')) {
      read_section();
    } else {
      read_pair(section_);
    }
    expect_end();
  }

  void read_section() {
    const auto line = line_;
    std::vector<std::string> name;
    do {
      if (name.size() == levels_max) throw bad_line("the section has too many levels");
      name.push_back(read_key());
    } while (take('.'));
    expect(']', "after the name of a section");
    section_ = name;
    const auto twice = std::ranges::find(out_.sections, name, &config_section::name);
    if (twice != out_.sections.end()) {
      throw bad_line(fmt::format("this section was begun on line {} already", twice->line));
    }
    out_.sections.push_back({std::move(name), line});
  }

  void read_pair(const std::vector<std::string>& section) {
    config_entry entry{.section = section, .key = read_key(), .values = {}, .line = line_};
    expect('=', fmt::format("after {}", entry.key));
    skip_blanks();
    if (!seen_.emplace(section, entry.key).second) {
      throw bad_line(fmt::format("{} is set twice", entry.key));
    }
    if (take('{')) {
      if (section.size() == levels_max) throw bad_line("the tables have too many levels");
      auto inner = section;
      inner.push_back(entry.key);
      read_table(inner);
      return;
    }
    if (take('[')) {
      entry.is_list = true;
      read_list(entry);
    } else {
      entry.values.push_back(read_value(entry.key));
    }
    out_.entries.push_back(std::move(entry));
  }

  void read_table(const std::vector<std::string>& section) {
    skip_blanks();
    while (!take('}')) {
      read_pair(section);
      skip_blanks();
      if (take(',')) {
        skip_blanks();
      } else if (peek() != '}') {
        throw bad_line("expected ',' or '}'");
      }
    }
  }

  void read_list(config_entry& entry) {
    skip_space();
    while (!take(']')) {
      if (at_ >= text_.size())
        throw bad_line(fmt::format("the list {} is never closed", entry.key));
      entry.values.push_back(read_value(entry.key));
      skip_space();
      if (!take(',') && peek() != ']') {
        throw bad_line(fmt::format("expected ',' or ']' in the list {}", entry.key));
      }
      skip_space();
    }
  }

  std::string read_key() {
    skip_blanks();
    if (peek() == '"' || peek() == '\'') {
      auto key = read_value("the name");
      skip_blanks();
      return key;
    }
    const auto start = at_;
    while (is_bare(peek()) && peek() != '.' && peek() != ':' && peek() != '/') ++at_;
    if (start == at_) throw bad_line("expected NAME = value or [section]");
    std::string key(text_.substr(start, at_ - start));
    skip_blanks();
    return key;
  }

  std::string read_value(std::string_view of) {
    if (take('\'')) {
      const auto end = std::min(text_.find('\'', at_), text_.find('\n', at_));
      if (end == std::string_view::npos || text_[end] != '\'') {
        throw bad_line(fmt::format("the quote in {} is never closed", of));
      }
      std::string value(text_.substr(at_, end - at_));
      at_ = end + 1;
      return value;
    }
    if (take('"')) return read_escaped(of);
    const auto start = at_;
    while (is_bare(peek())) ++at_;
    if (start == at_) throw bad_line(fmt::format("{} has no value (texts need quotes)", of));
    return std::string(text_.substr(start, at_ - start));
  }

  std::string read_escaped(std::string_view of) {
    std::string value;
    while (!take('"')) {
      if (peek() == '\n') throw bad_line(fmt::format("the quote in {} is never closed", of));
      if (!take('\\')) {
        value += text_[at_++];
        continue;
      }
      const char escaped = peek();
      if (escaped == '\n') continue;
      ++at_;
      switch (escaped) {
        case 'n':
          value += '\n';
          break;
        case 't':
          value += '\t';
          break;
        case 'r':
          value += '\r';
          break;
        case '"':
          value += '"';
          break;
        case '\\':
          value += '\\';
          break;
        case 'u':
          append_utf8(value, read_hex(of));
          break;
        default:
          // Half a character in a problem would make it no text.
          if (escaped < ' ' || escaped > '~') {
            throw bad_line(fmt::format("unknown escape in {}", of));
          }
          throw bad_line(fmt::format("unknown escape \\{} in {}", escaped, of));
      }
    }
    return value;
  }

  unsigned read_hex(std::string_view of) {
    const auto digits = text_.substr(at_, 4);
    unsigned code = 0;
    for (const char c : digits) {
      const auto digit = std::string_view("0123456789abcdef").find(to_lower({&c, 1}));
      if (digit == std::string_view::npos) break;
      code = code * 16 + static_cast<unsigned>(digit);
      ++at_;
    }
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") < 4 ||
        is_surrogate) {
      throw bad_line(fmt::format("\\u needs four hexadecimal digits of a character in {}", of));
    }
    return code;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<std::string> section_;
  std::set<std::pair<std::vector<std::string>, std::string>> seen_;
  config_document out_;
};

}  // namespace

config_document parse_config_file(std::string_view text) {
  if (!is_valid_utf8(text))
    return {.entries = {}, .sections = {}, .problems = {"the file is not UTF-8"}};
  return reader(text).run();
}

}  // namespace throughline::app
