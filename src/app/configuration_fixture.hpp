// A working directory with files, an environment and flags, and the configuration that comes of
// them. For tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/configuration.hpp"

namespace throughline::app {

class configuration_fixture : public testing::Test {
 protected:
  configuration_fixture() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "throughline-test-XXXXXX").string();
    home = mkdtemp(pattern.data());
    sources.working_directory = home / "work";
    sources.environment["HOME"] = home.string();
    std::filesystem::create_directories(sources.working_directory);
  }
  ~configuration_fixture() override {
    std::error_code ignored;
    std::filesystem::remove_all(home, ignored);
  }

  void write(const std::filesystem::path& path, const std::string& text) {
    const auto whole = path.is_absolute() ? path : sources.working_directory / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  void flag(const std::string& name, const std::string& value) {
    sources.flags[name].push_back(value);
  }
  void variable(const std::string& name, const std::string& value) {
    sources.environment[name] = value;
  }

  [[nodiscard]] configuration load() const { return load_configuration(sources); }
  /// All problems as one text.
  [[nodiscard]] std::string problems() const {
    std::string all;
    for (const auto& problem : load().problems) all += problem + "\n";
    return all;
  }

  std::filesystem::path home;
  configuration_sources sources;
};

}  // namespace throughline::app
