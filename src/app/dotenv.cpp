#include "app/dotenv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/text_values.hpp"

namespace throughline::app {
namespace {

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  const auto is_digit = [](char c) {
    return c >= '0' && c <= '9';
  };
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c) || c == '.'; });
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

class reader {
 public:
  explicit reader(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  dotenv_file run() {
    while (!rest_.empty()) {
      ++line_;
      read_line();
    }
    return std::move(out_);
  }

 private:
  std::string_view take_line() {
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  void complain(std::size_t line, std::string_view what) {
    out_.problems.push_back(fmt::format("line {}: {}", line, what));
  }

  void read_line() {
    const auto whole = rest_;
    const auto line = take_line();
    auto text = trim(line);
    if (text.empty() || text.front() == '#') return;
    const auto equals = line.find('=');
    auto name = trim(line.substr(0, std::min(equals, line.size())));
    if (name.starts_with("export ") || name.starts_with("export\t")) name = trim(name.substr(7));
    if (equals == std::string_view::npos || !is_name(name)) {
      complain(line_, "expected NAME=value");
      return;
    }
    const auto start = line.find_first_not_of(" \t", equals + 1);
    if (start != std::string_view::npos && (line[start] == '"' || line[start] == '\'')) {
      rest_ = whole.substr(start);
      read_quoted(std::string(name));
      return;
    }
    auto value = start == std::string_view::npos ? std::string_view() : line.substr(start);
    if (value.starts_with('#')) value = {};
    value = value.substr(0, std::min(value.find(" #"), value.find("\t#")));
    out_.variables.push_back({std::string(name), std::string(trim(value)), line_});
  }

  /// `rest_` begins with the opening quote.
  void read_quoted(std::string name) {
    const auto first_line = line_;
    const char quote = rest_.front();
    std::string value;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != quote; ++i) {
      if (rest_[i] == '\n') ++line_;
      if (quote == '"' && rest_[i] == '\\' && i + 1 < rest_.size()) {
        value += unescaped(rest_[++i]);
      } else {
        value += rest_[i];
      }
    }
    if (i >= rest_.size()) {
      complain(first_line,
               fmt::format("the quote that opens the value of {} is never closed", name));
      rest_ = {};
      return;
    }
    rest_.remove_prefix(i + 1);
    const auto after = trim(take_line());
    if (!after.empty() && after.front() != '#') {
      complain(first_line, fmt::format("there is text after the closing quote of {}", name));
      return;
    }
    out_.variables.push_back({std::move(name), std::move(value), first_line});
  }

  std::string_view rest_;
  std::size_t line_ = 0;
  dotenv_file out_;
};

}  // namespace

dotenv_file parse_dotenv(std::string_view text) {
  return reader(text).run();
}

}  // namespace throughline::app
