// Reads the `.env` file of the working directory. Pure: text in, variables out.
//
//   line    = [ "export" ] NAME "=" value [ "#" comment ] | "#" comment | blank
//   value   = bare word(s), cut at " #" | 'literal' | "with \n \t \" \\ \$ escapes", both quotes
//   possibly over several lines
//
// Nothing is expanded: `$NAME` stays as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace throughline::app {

struct dotenv_variable {
  std::string name;
  std::string value;
  std::size_t line = 0;  // from 1
};

struct dotenv_file {
  std::vector<dotenv_variable>
      variables;  // in order; a name that comes twice is there twice, and the last one counts
  std::vector<std::string> problems;  // `line 3: ...`, without values
};

[[nodiscard]] dotenv_file parse_dotenv(std::string_view text);

}  // namespace throughline::app
