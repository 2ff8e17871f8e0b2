// `throughline serve`: one process that is API and worker. The only place that names concrete
// classes.
#pragma once

#include "api/web_site.hpp"
#include "app/configuration.hpp"

namespace throughline::app {

/// Starts everything, serves until SIGTERM or SIGINT, drains, and returns the exit status. Says on
/// standard output what is used and when it is ready, and on standard error why it cannot start and
/// what to do about it. REQUIRES: a configuration without problems. Call it once.
[[nodiscard]] int run_serve(const configuration& config, api::web_files web);

}  // namespace throughline::app
