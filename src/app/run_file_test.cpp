#include "app/run_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/configuration_fixture.hpp"

namespace throughline::app {
namespace {

class run_file_test : public configuration_fixture {};

TEST_F(run_file_test, names_this_server_while_it_lives) {
  EXPECT_FALSE(find_running_server(home).has_value());
  {
    const run_file written(home, "http://127.0.0.1:8080");
    const auto found = find_running_server(home);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->url, "http://127.0.0.1:8080");
    EXPECT_EQ(found->pid, getpid());
  }
  EXPECT_FALSE(std::filesystem::exists(home / "throughline.run"));
}

TEST_F(run_file_test, a_file_left_behind_is_stale) {
  // This process's number, but another start: the number was given out again.
  write(home / "throughline.run", "http://127.0.0.1:8080\n" + std::to_string(getpid()) + "\n1\n");
  EXPECT_FALSE(find_running_server(home).has_value());
  write(home / "throughline.run", "http://127.0.0.1:8080\n");
  EXPECT_FALSE(find_running_server(home).has_value());
  write(home / "throughline.run", "");
  EXPECT_FALSE(find_running_server(home).has_value());
}

TEST(start_ticks, the_command_may_hold_anything) {
  std::string stat = "42 (a) b (c)) S";
  for (int field = 4; field < 22; ++field) stat += " " + std::to_string(field);
  EXPECT_EQ(start_ticks(stat + " 777 1 2"), 777U);
  EXPECT_EQ(start_ticks(stat), std::nullopt);
  EXPECT_EQ(start_ticks(""), std::nullopt);
}

}  // namespace
}  // namespace throughline::app
