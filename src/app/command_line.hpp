// The command line: subcommands and what they run.
#pragma once

#include "api/web_site.hpp"

namespace throughline::app {

/// Parses the arguments, runs the subcommand they name and returns the process's exit status: 0
/// success, 1 failure at run time, 2 wrong usage or configuration. Nothing is thrown.
/// `web` is the web application that `serve` serves.
[[nodiscard]] int run_command_line(int argc, char** argv, api::web_files web = {});

}  // namespace throughline::app
