#include "app/setting_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "app/text_values.hpp"
#include "base/fault_point.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view prefix = "THROUGHLINE_";
constexpr std::string_view file_suffix = "_FILE";
constexpr std::streamsize file_bytes_max = 1024 * 1024;

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    errno = EISDIR;
    return std::nullopt;
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(static_cast<std::size_t>(file_bytes_max), '\0');
  in.read(text.data(), file_bytes_max);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::vector<std::string> known_variables() {
  // Of `throughline chat`, and of the system tests.
  std::vector<std::string> known{"THROUGHLINE_URL", "THROUGHLINE_BINARY"};
  if (has_fault_points) {
    known.insert(known.end(), {"THROUGHLINE_FAULT", "THROUGHLINE_FAULT_SCHEMA"});
  }
  for (const auto& option : all_options()) {
    known.push_back(variable_name(option.name));
    if (is_secret(option)) known.push_back(known.back() + std::string(file_suffix));
  }
  return known;
}

std::vector<std::string> known_file_keys() {
  std::vector<std::string> known{"providers"};
  for (const auto& option : all_options()) {
    if (option.name == "config") continue;
    known.push_back(file_key(option.name));
    if (is_secret(option)) known.push_back(known.back() + "_file");
  }
  return known;
}

}  // namespace

setting_sources::setting_sources(const configuration_sources& from,
                                 std::vector<std::string>& problems)
    : from_(from), problems_(problems) {
  for (const auto& [name, value] : from_.environment)
    check_variable_name(name, "in the environment");
  read_dotenv();
}

void setting_sources::read_dotenv() {
  const auto path = from_.working_directory / ".env";
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return;
  const auto text = read_text(path);
  if (!text) {
    problems_.push_back(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
    return;
  }
  auto parsed = parse_dotenv(*text);
  for (const auto& problem : parsed.problems) problems_.push_back(".env, " + problem);
  for (auto& variable : parsed.variables) {
    check_variable_name(variable.name, fmt::format("in .env:{}", variable.line));
    dotenv_.insert_or_assign(variable.name, variable);
  }
}

void setting_sources::check_variable_name(const std::string& name, const std::string& where) {
  if (!name.starts_with(prefix)) return;
  static const auto known = known_variables();
  if (std::ranges::find(known, name) != known.end()) return;
  problems_.push_back(
      fmt::format("unknown variable {} {}{}", name, where, suggestion(name, known)));
}

bool setting_sources::read_file(const std::filesystem::path& path) {
  const auto text = read_text(path);
  if (!text) {
    problems_.push_back(fmt::format("cannot read the configuration file {}: {}", path.string(),
                                    std::strerror(errno)));
    return false;
  }
  file_name_ = path.string();
  document_ = parse_config_file(*text);
  for (const auto& problem : document_.problems) {
    problems_.push_back(fmt::format("{}, {}", file_name_, problem));
  }
  check_file_keys();
  return true;
}

void setting_sources::check_file_keys() {
  static const auto known = known_file_keys();
  for (const auto& section : document_.sections) {
    if (section.name.front() == "providers") continue;
    problems_.push_back(
        fmt::format("{}:{}: unknown section [{}]; only [providers.NAME] is one, all other settings "
                    "stand above the first section",
                    file_name_, section.line, section.name.front()));
  }
  for (auto& entry : document_.entries) {
    if (!entry.section.empty()) continue;
    std::ranges::replace(entry.key, '-', '_');
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    problems_.push_back(fmt::format("{}:{}: unknown setting {}{}", file_name_, entry.line,
                                    entry.key, suggestion(entry.key, known)));
  }
}

std::optional<std::string> setting_sources::variable(const std::string& name) const {
  const auto real = from_.environment.find(name);
  if (real != from_.environment.end() && !real->second.empty()) return real->second;
  const auto below = dotenv_.find(name);
  if (below != dotenv_.end() && !below->second.value.empty()) return below->second.value;
  return std::nullopt;
}

std::filesystem::path setting_sources::absolute(std::filesystem::path path) const {
  const auto text = path.string();
  if (text.starts_with("~/")) {
    if (const auto home = variable("HOME")) path = std::filesystem::path(*home) / text.substr(2);
  }
  if (path.is_relative()) path = from_.working_directory / path;
  return path.lexically_normal();
}

void setting_sources::add_variables(const option& of, origin_rank rank,
                                    std::vector<candidate>& found) const {
  std::vector<std::string> names{variable_name(of.name)};
  names.insert(names.end(), of.variables.begin(), of.variables.end());
  for (const auto& name : names) {
    for (const bool is_file : {false, true}) {
      if (is_file && !is_secret(of)) continue;
      const auto full = is_file ? name + std::string(file_suffix) : name;
      candidate one{.from = {.rank = rank, .where = {}},
                    .texts = {},
                    .is_secret_file = is_file,
                    .variable = full};
      if (rank == origin_rank::environment) {
        const auto real = from_.environment.find(full);
        if (real == from_.environment.end() || real->second.empty()) continue;
        one.from.where = fmt::format("{} in the environment", full);
        one.texts = {real->second};
      } else {
        const auto below = dotenv_.find(full);
        if (below == dotenv_.end() || below->second.value.empty()) continue;
        one.from.where = fmt::format("{} in .env:{}", full, below->second.line);
        one.texts = {below->second.value};
      }
      found.push_back(std::move(one));
    }
  }
}

std::vector<candidate> setting_sources::candidates(const option& of) const {
  std::vector<candidate> found;
  const auto flag = from_.flags.find(std::string(of.name));
  if (flag != from_.flags.end()) {
    found.push_back({.from = {.rank = origin_rank::flag, .where = fmt::format("--{}", of.name)},
                     .texts = flag->second,
                     .is_secret_file = false,
                     .variable = {}});
  }
  add_variables(of, origin_rank::environment, found);
  add_variables(of, origin_rank::dotenv, found);
  const auto key = file_key(of.name);
  for (const auto& entry : document_.entries) {
    const bool is_secret_file = is_secret(of) && entry.key == key + "_file";
    if (!entry.section.empty() || (entry.key != key && !is_secret_file)) continue;
    found.push_back(
        {.from = {.rank = origin_rank::file, .where = fmt::format("{}:{}", file_name_, entry.line)},
         .texts = entry.values,
         .is_secret_file = is_secret_file,
         .variable = {}});
  }
  return found;
}

}  // namespace throughline::app
