// The sources of settings behind one question: what does this option have, and where? Used by
// configuration.cpp only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/config_file.hpp"
#include "app/configuration.hpp"
#include "app/dotenv.hpp"

namespace throughline::app {

/// What one source says about one option.
struct candidate {
  origin from;
  std::vector<std::string> texts;
  bool is_secret_file = false;  // `texts` is the path of a file that holds the value
  std::string variable;         // its name, if it is one
};

class setting_sources {
 public:
  /// Reads `.env`, and remembers in `problems` what is wrong with it and which names are unknown.
  setting_sources(const configuration_sources& from, std::vector<std::string>& problems);

  /// Reads the file; its settings are asked for from now on. False (and a problem) if it cannot be
  /// read.
  bool read_file(const std::filesystem::path& path);

  /// Everything there is for this option, highest precedence first.
  [[nodiscard]] std::vector<candidate> candidates(const option& of) const;

  /// A variable by name: of the environment, else of `.env`; nullopt if unset or empty.
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;
  [[nodiscard]] const config_document& document() const noexcept { return document_; }
  [[nodiscard]] const std::string& file_name() const noexcept { return file_name_; }
  [[nodiscard]] std::filesystem::path absolute(std::filesystem::path path) const;

 private:
  void read_dotenv();
  void check_variable_name(const std::string& name, const std::string& where);
  void check_file_keys();
  void add_variables(const option& of, origin_rank rank, std::vector<candidate>& found) const;

  const configuration_sources& from_;
  std::vector<std::string>& problems_;
  std::map<std::string, dotenv_variable> dotenv_;
  config_document document_;
  std::string file_name_;
};

}  // namespace throughline::app
