// The configuration of one start: every source read, merged and checked, and for each value where
// it came from.
//
//   flags  >  environment  >  .env in the working directory  >  file  >  default
//
// Nothing is thrown and nothing is printed: what is wrong is collected, so that all of it can be
// shown at once. Secrets are in `values` and `providers` and nowhere else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/options.hpp"
#include "app/provider_settings.hpp"

namespace throughline::app {

/// In order of precedence.
enum class origin_rank : std::uint8_t { initial, file, dotenv, environment, flag };

struct origin {
  origin_rank rank = origin_rank::initial;
  std::string where = "default";  // `--listen`, `PORT in the environment`, `PORT in .env:3`,
                                  // `/x/throughline.toml:7`
};

/// What there is to read from.
struct configuration_sources {
  /// Flags by option name, as typed. A toggle without a value is "true".
  std::map<std::string, std::vector<std::string>> flags;
  std::map<std::string, std::string> environment;
  std::filesystem::path working_directory;
};

/// One setting for `throughline config`.
struct configured_value {
  const option* definition = nullptr;
  std::string shown;  // as text; a secret is masked
  origin from;
};

struct configuration {
  settings values;
  std::vector<configured_value> shown;  // in the order of the table
  /// In order: openai, anthropic, then the other sections of the file; `demo` alone if there is
  /// nothing else.
  std::vector<provider_settings> providers;
  std::string default_model;  // empty: the first model of the first provider
  std::string default_model_from;
  std::string address;           // of --listen, numeric
  std::uint16_t port = 0;        // of --listen and --port
  bool port_was_chosen = false;  // false: nobody asked for this port, another one will do
  std::optional<std::filesystem::path> file;  // that was read
  std::vector<std::string> problems;          // sentences; not empty: do not start
  std::vector<std::string> remarks;           // sentences that are worth a line and stop nothing

  [[nodiscard]] const origin& origin_of(std::string_view option_name) const;
};

[[nodiscard]] configuration load_configuration(const configuration_sources& from);

/// The sources of this process: its environment and its working directory.
[[nodiscard]] configuration_sources process_sources(
    std::map<std::string, std::vector<std::string>> flags);

/// True for 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback(std::string_view address);

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `0.0.0.0`, `8080`: the numeric address and the
/// port, if any. An error is a sentence.
struct listen_address {
  std::string address = "127.0.0.1";
  std::optional<std::uint16_t> port;
  std::string problem;
};
[[nodiscard]] listen_address parse_listen(std::string_view text);

}  // namespace throughline::app
