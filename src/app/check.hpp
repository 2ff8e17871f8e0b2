// `throughline check`: asks a running system one question and reads the answer in every way a
// client can, to say which part of it, a proxy included, does not do what it must.
#pragma once

#include <string>

namespace throughline::app {

struct check_options {
  std::string url;       // empty: as `throughline chat` finds its server
  std::string data_dir;  // likewise
  std::string model;     // empty: the server's default
  std::string message = "This is a check of the connection. Please answer in a few sentences.";
};

/// Returns the exit status: 0 if all parts work, 1 if one does not.
[[nodiscard]] int run_check(const check_options& options);

}  // namespace throughline::app
