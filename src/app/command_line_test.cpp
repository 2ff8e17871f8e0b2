#include "app/command_line.hpp"

#include <gmock/gmock.h>

#include "app/command_help.hpp"

namespace throughline::app {
namespace {

using testing::HasSubstr;

struct outcome {
  int status;
  std::string out;
  std::string err;
};

outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "throughline");
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = run_command_line(static_cast<int>(pointers.size()), pointers.data());
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(command_line, without_a_command_it_prints_the_help) {
  const auto ran = run({});
  EXPECT_EQ(ran.status, 0);
  for (const auto* command : {"serve", "chat", "config", "check", "bench", "mock-model", "version"})
    EXPECT_THAT(ran.out, HasSubstr(command));
}

TEST(command_line, version) {
  EXPECT_EQ(run({"--version"}).out, "throughline " THROUGHLINE_VERSION "\n");
  EXPECT_EQ(run({"version"}).out, run({"--version"}).out);
}

TEST(command_line, unknown_names_are_wrong_usage_with_a_suggestion) {
  EXPECT_EQ(run({"serv"}).status, 2);
  EXPECT_THAT(run({"serv"}).err, HasSubstr("did you mean \"serve\"?"));
  EXPECT_EQ(run({"config", "--lsiten=x"}).status, 2);
  EXPECT_THAT(run({"config", "--lsiten=x"}).err,
              HasSubstr("unknown flag --lsiten; did you mean \"--listen\"?"));
  EXPECT_THAT(run({"--data-dir", "x", "serve"}).err, HasSubstr("--data-dir comes after a command"));
  EXPECT_EQ(run({"config", "extra"}).status, 2);
  EXPECT_EQ(run({"config", "--listen"}).status, 2);
  EXPECT_EQ(run({"mock-model", "--threads", "0"}).status, 2);
}

TEST(command_line, the_help_of_serve_names_every_setting_but_the_secrets) {
  const auto help = run({"serve", "--help"});
  EXPECT_EQ(help.status, 0);
  for (const auto& option : all_options()) {
    const bool is_hidden = is_secret(option);
    EXPECT_EQ(help.out.find("--" + std::string(option.name) + " ") == std::string::npos &&
                  help.out.find("--" + std::string(option.name) + "\n") == std::string::npos,
              is_hidden)
        << option.name;
  }
}

TEST(command_line, config_shows_values_and_lists_what_is_wrong) {
  const auto good = run(
      {"config", "--idle-timeout", "5s", "--cors-origin", "http://a", "--cors-origin=http://b"});
  EXPECT_THAT(good.out, testing::ContainsRegex("idle-timeout +5s +--idle-timeout"));
  EXPECT_THAT(good.out, HasSubstr("http://a,http://b"));
  const auto bad = run({"config", "--idle-timeout", "soon", "--idle-timeout", "later"});
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.err, HasSubstr("--idle-timeout: takes one value"));
  EXPECT_EQ(run({"config", "--redis-url", "redis://x"}).status, 2);
}

TEST(command_help, wraps_between_words) {
  EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap("enormous", 3, 2), "enormous");
  EXPECT_EQ(wrap("", 3, 2), "");
}

}  // namespace
}  // namespace throughline::app
