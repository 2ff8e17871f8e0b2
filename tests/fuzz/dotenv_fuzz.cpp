// Any bytes as a .env file, and its lines as values: durations, sizes, counts, switches.
#include "app/dotenv.hpp"

#include <algorithm>
#include <string>

#include "app/text_values.hpp"
#include "fuzz/fuzz.hpp"

namespace {

using namespace throughline;

void check_value(std::string_view text) {
  if (const auto read = app::parse_duration(text)) {
    fuzz::require(app::parse_duration(app::format_duration(*read)) == read,
                  "a duration is written as it is read");
  }
  if (const auto read = app::parse_bytes(text); read && *read >= 0) {
    fuzz::require(app::parse_bytes(app::format_bytes(*read)) == read,
                  "a size is written as it is read");
  }
  if (const auto read = app::parse_count(text)) {
    fuzz::require(app::parse_count(std::to_string(*read)) == read, "a count is a number");
  }
  (void)app::parse_switch(text);
  for (const auto& part : app::split_list(text)) {
    fuzz::require(!part.empty() && app::trim(part) == part, "a part of a list is trimmed");
  }
}

}  // namespace

FUZZ_TARGET(dotenv) {
  const auto read = app::parse_dotenv(bytes);
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) + 1;
  std::size_t value_bytes = 0;
  for (const auto& variable : read.variables) {
    fuzz::require(!variable.name.empty(), "a variable has a name");
    fuzz::require(variable.line >= 1 && variable.line <= lines, "a variable has a line");
    value_bytes += variable.value.size();
    check_value(variable.value);
  }
  fuzz::require(value_bytes <= bytes.size(), "the values come from the file");
  fuzz::require(read.problems.size() <= lines, "a line has one problem");
  if (bytes.size() <= 64) check_value(bytes);
}
