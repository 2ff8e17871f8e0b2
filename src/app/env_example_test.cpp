// .env.example names every variable there is, and nothing else.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "app/configuration_fixture.hpp"
#include "app/dotenv.hpp"

namespace throughline::app {
namespace {

/// The lines of the example with the comment sign taken off those that are settings.
std::string uncommented_example() {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../.env.example";
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const auto is_setting = line.size() > 1 && line[0] == '#' && line[1] >= 'A' && line[1] <= 'Z' &&
                            line.find('=') != std::string::npos;
    out += (is_setting ? line.substr(1) : line) + "\n";
  }
  return out;
}

TEST(env_example, names_every_option_and_only_what_exists) {
  std::set<std::string> known;
  std::set<std::string> missing;
  for (const auto& option : all_options()) {
    known.insert(variable_name(option.name));
    known.insert(option.variables.begin(), option.variables.end());
    missing.insert(variable_name(option.name));
    for (const auto variable : option.variables) missing.emplace(variable);
    if (!is_secret(option)) continue;
    known.insert(variable_name(option.name) + "_FILE");
    for (const auto variable : option.variables) known.insert(std::string(variable) + "_FILE");
  }
  const auto parsed = parse_dotenv(uncommented_example());
  EXPECT_THAT(parsed.problems, testing::IsEmpty());
  for (const auto& variable : parsed.variables) {
    EXPECT_TRUE(known.contains(variable.name)) << variable.name << " on line " << variable.line;
    missing.erase(variable.name);
  }
  EXPECT_THAT(missing, testing::IsEmpty());
}

class env_example_values : public configuration_fixture {};

TEST_F(env_example_values, every_default_in_it_is_the_real_one) {
  for (const auto& variable : parse_dotenv(uncommented_example()).variables) {
    for (const auto& option : all_options()) {
      if (variable_name(option.name) != variable.name || option.initial.empty()) continue;
      EXPECT_EQ(variable.value, option.initial) << variable.name;
    }
  }
}

TEST_F(env_example_values, copied_as_it_is_it_changes_nothing) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../.env.example";
  std::filesystem::copy_file(path, sources.working_directory / ".env");
  const auto config = load();
  EXPECT_THAT(config.problems, testing::IsEmpty());
  for (const auto& value : config.shown)
    EXPECT_EQ(value.from.rank, origin_rank::initial) << value.definition->name;
}

}  // namespace
}  // namespace throughline::app
