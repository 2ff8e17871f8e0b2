// The configuration as people read it: `throughline config`, the lines at start, and the list of
// what is wrong. Pure.
#pragma once

#include <string>

#include "app/configuration.hpp"

namespace throughline::app {

/// Every setting with its value and where it came from, then the providers and the default model.
/// Secrets are masked.
[[nodiscard]] std::string describe_configuration(const configuration& config);
/// One line: what is used, and where it was configured.
[[nodiscard]] std::string describe_provider(const provider_settings& provider);
/// All problems as lines, with a first line that says how many there are. Empty if there are none.
[[nodiscard]] std::string describe_problems(const configuration& config);

/// `https://user:secret@host/` without what is secret.
[[nodiscard]] std::string without_userinfo(std::string_view url);
/// The same without parameters, which may hold a password too.
[[nodiscard]] std::string service_name(std::string_view url);

}  // namespace throughline::app
