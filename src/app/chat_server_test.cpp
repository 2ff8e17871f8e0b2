#include "app/chat_server.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

TEST(start_command, names_an_address_of_this_machine_that_is_not_the_default) {
  EXPECT_EQ(start_command("http://127.0.0.1:8080", ""), "throughline serve");
  EXPECT_EQ(start_command("http://127.0.0.1:9000", ""),
            "throughline serve --listen 127.0.0.1:9000");
  EXPECT_EQ(start_command("http://localhost:9000/", ""),
            "throughline serve --listen 127.0.0.1:9000");
  EXPECT_EQ(start_command("https://chat.example.org", ""), "throughline serve");
}

TEST(start_command, quotes_the_data_directory) {
  EXPECT_EQ(start_command("http://127.0.0.1:8080", "/srv/data"),
            "throughline serve --data-dir /srv/data");
  EXPECT_EQ(start_command("http://127.0.0.1:8080", "/home/o'neil/my data"),
            R"(throughline serve --data-dir '/home/o'\''neil/my data')");
}

}  // namespace
}  // namespace throughline::app
