// Which server `throughline chat` and its like talk to, what lets them in, and the command that
// starts it.
#pragma once

#include <string>
#include <string_view>

namespace throughline::app {

struct server_place {
  std::string url;
  std::string how_to_start;  // a line for a shell
  std::string token{};       // empty: none is configured here
};

/// `url` and `data_dir` are as given on the command line, empty if not. In this order: `url`,
/// THROUGHLINE_URL, the server that runs on the data directory, the default address.
[[nodiscard]] server_place find_server(const std::string& url, const std::string& data_dir);

/// What the configuration of this machine says: of THROUGHLINE_ACCESS_TOKEN or ..._FILE, of .env or
/// the file. Empty if it is not there or cannot be read.
[[nodiscard]] std::string find_access_token(const std::string& data_dir);

/// The command after which a server answers at `url`, as far as one can be started there: the
/// address is named if it is of this machine and not the default. Pure.
[[nodiscard]] std::string start_command(std::string_view url, std::string_view data_dir);

}  // namespace throughline::app
