#include "app/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "app/text_values.hpp"

namespace throughline::app {
namespace {

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

std::string range_of(const option& of, std::string (*format)(std::int64_t)) {
  if (of.most == std::numeric_limits<std::int64_t>::max()) return "at least " + format(of.least);
  return fmt::format("from {} to {}", format(of.least), format(of.most));
}

std::string assign_number(const option& of, std::string_view text, settings& into) {
  std::optional<std::int64_t> number;
  std::string_view what;
  std::string (*format)(std::int64_t) = nullptr;
  if (of.kind == value_kind::count) {
    number = parse_count(text);
    what = "a whole number";
    format = [](std::int64_t n) {
      return std::to_string(n);
    };
  } else if (of.kind == value_kind::bytes) {
    number = parse_bytes(text);
    what = "a size like 64KiB, 256MiB or a number of bytes";
    format = format_bytes;
  } else {
    const auto duration = parse_duration(text);
    if (duration) number = duration->count();
    what = "a duration like 500ms, 30s, 5m, 1h or 30d";
    format = [](std::int64_t n) {
      return format_duration(milliseconds(n));
    };
  }
  if (!number) return fmt::format("{} is not {}", quoted(text), what);
  if (*number < of.least || *number > of.most) {
    return fmt::format("{} is out of range: {}", quoted(text), range_of(of, format));
  }
  if (of.kind == value_kind::duration) {
    into.*std::get<milliseconds settings::*>(of.member) = milliseconds(*number);
  } else {
    into.*std::get<std::int64_t settings::*>(of.member) = *number;
  }
  return {};
}

/// Does not repeat the text, which may hold a password. `postgresql+asyncpg` is `postgresql` with
/// the name of a driver that means something to others.
std::string check_service(const option& of, std::string_view text) {
  const auto end = text.find("://");
  auto scheme = text.substr(0, end == std::string_view::npos ? 0 : end);
  scheme = scheme.substr(0, scheme.find('+'));
  if (std::ranges::find(of.choices, scheme) != of.choices.end()) return {};
  return fmt::format("must begin with {}://; without it {}", fmt::join(of.choices, ":// or "),
                     of.absence);
}

std::string check_text(const option& of, std::string_view text) {
  if (of.kind == value_kind::choice && std::ranges::find(of.choices, text) == of.choices.end()) {
    const std::vector<std::string> known(of.choices.begin(), of.choices.end());
    return fmt::format("{} is none of {}{}", quoted(text), fmt::join(known, ", "),
                       suggestion(text, known));
  }
  if (text.empty()) return "must not be empty";
  if (of.kind == value_kind::url && !text.starts_with("http://") && !text.starts_with("https://")) {
    return fmt::format("{} must begin with http:// or https://", quoted(text));
  }
  if (std::ranges::any_of(text, [](char c) { return c >= 0 && c < ' '; })) {
    return "contains a control character";
  }
  return of.kind == value_kind::service ? check_service(of, text) : std::string();
}

}  // namespace

const option* find_option(std::string_view name) {
  const auto found = std::ranges::find(all_options(), name, &option::name);
  return found == all_options().end() ? nullptr : &*found;
}

std::string variable_name(std::string_view option_name) {
  std::string name = "THROUGHLINE_";
  for (const char c : option_name) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

std::string file_key(std::string_view option_name) {
  std::string key(option_name);
  std::ranges::replace(key, '-', '_');
  return key;
}

std::string placeholder(const option& of) {
  switch (of.kind) {
    case value_kind::text:
      return "NAME";
    case value_kind::address:
      return "HOST:PORT";
    case value_kind::url:
      return "URL";
    case value_kind::path:
      return "PATH";
    case value_kind::choice:
      return fmt::format("{}", fmt::join(of.choices, "|"));
    case value_kind::count:
      return "N";
    case value_kind::bytes:
      return "SIZE";
    case value_kind::duration:
      return "DURATION";
    case value_kind::list:
      return "NAME,...";
    case value_kind::toggle:
    case value_kind::secret:
    case value_kind::service:
      return "";
  }
  return "";
}

std::string assign(const option& of, std::span<const std::string> texts, settings& into) {
  if (of.kind == value_kind::list) {
    auto& list = into.*std::get<std::vector<std::string> settings::*>(of.member);
    list.clear();
    for (const auto& text : texts) std::ranges::move(split_list(text), std::back_inserter(list));
    return {};
  }
  if (texts.size() != 1) return "takes one value, not a list";
  const auto& text = texts.front();
  switch (of.kind) {
    case value_kind::count:
    case value_kind::bytes:
    case value_kind::duration:
      return assign_number(of, text, into);
    case value_kind::toggle: {
      const auto is_on = parse_switch(text);
      if (!is_on) return fmt::format("{} is neither true nor false", quoted(text));
      into.*std::get<bool settings::*>(of.member) = *is_on;
      return {};
    }
    default:
      break;
  }
  auto problem = check_text(of, text);
  if (problem.empty() && std::holds_alternative<std::string settings::*>(of.member)) {
    into.*std::get<std::string settings::*>(of.member) = text;
  }
  return problem;
}

}  // namespace throughline::app
