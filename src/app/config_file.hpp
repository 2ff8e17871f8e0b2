// Reads `throughline.toml`: the part of TOML that settings need, strictly, with the line of
// everything that is found. Pure.
//
//   line    = "[" name { "." name } "]" | key "=" value
//   value   = "text with \" \\ \n \t \uXXXX" | 'literal text' | bare (numbers, true, false, 30s,
//   256MiB)
//           | "[" value { "," value } "]" (over several lines, a comma may end it) | "{" key "="
//           value { "," ... } "}"
//
// Tables and the names of sections are at most 16 levels deep. A "#" outside quotes begins a
// comment. (CLI11's own reader cuts quoted text at "#", takes a line without "=" for a switch and
// knows no line numbers.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace throughline::app {

struct config_entry {
  std::vector<std::string>
      section;  // `[providers.mine]` is {"providers", "mine"}; empty before the first section
  std::string key;
  std::vector<std::string> values;  // one, unless it is a list
  bool is_list = false;
  std::size_t line = 0;  // from 1
};

struct config_section {
  std::vector<std::string> name;
  std::size_t line = 0;
};

struct config_document {
  std::vector<config_entry>
      entries;  // in order; the members of `key = {...}` as entries of section + key
  std::vector<config_section> sections;  // as they are opened
  std::vector<std::string>
      problems;  // `line 3: ...`, without values; duplicate keys and sections are among them
};

[[nodiscard]] config_document parse_config_file(std::string_view text);

}  // namespace throughline::app
