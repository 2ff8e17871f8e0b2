// The command `throughline chaos-proxy`.
#pragma once

#include <string>

namespace throughline::app {

struct chaos_proxy_options {
  std::string listen = "127.0.0.1:0";  // ADDRESS:PORT, like the others; port 0: any free one
  std::string to;
  std::string control;  // empty: no control port
  std::string rules;
  std::size_t buffer_bytes = 0;  // 0: as usual
};

/// Prints `chaos proxy listening on ADDRESS:PORT` and `control on ADDRESS:PORT`, and passes bytes
/// until SIGTERM or SIGINT. Returns the exit status: 0, 1 if it cannot listen, 2 for options that
/// make no sense.
[[nodiscard]] int run_chaos_proxy(const chaos_proxy_options& options);

}  // namespace throughline::app
