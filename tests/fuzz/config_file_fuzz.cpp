// Any bytes as a configuration file: entries, sections and problems that belong to its lines.
#include "app/config_file.hpp"

#include <algorithm>
#include <string>

#include "base/utf8.hpp"
#include "fuzz/fuzz.hpp"

FUZZ_TARGET(config_file) {
  using namespace throughline;
  const auto read = app::parse_config_file(bytes);
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) + 1;

  fuzz::require(is_valid_utf8(bytes) || (read.entries.empty() && read.problems.size() == 1),
                "what is not UTF-8 is one problem");
  fuzz::require(read.problems.size() <= lines, "a line has one problem");
  for (const auto& problem : read.problems) {
    fuzz::require(!problem.empty() && is_valid_utf8(problem), "a problem is a sentence");
  }
  std::size_t value_bytes = 0;
  for (const auto& entry : read.entries) {
    fuzz::require(entry.line >= 1 && entry.line <= lines, "an entry has a line of the file");
    fuzz::require(entry.is_list || entry.values.size() == 1, "what is no list has one value");
    for (const auto& value : entry.values) {
      fuzz::require(is_valid_utf8(value), "a value is UTF-8");
      value_bytes += value.size();
    }
  }
  fuzz::require(value_bytes <= bytes.size(), "the values come from the file");
  for (const auto& section : read.sections) {
    fuzz::require(section.line >= 1 && section.line <= lines, "a section has a line of the file");
    fuzz::require(!section.name.empty(), "a section has a name");
  }
}
