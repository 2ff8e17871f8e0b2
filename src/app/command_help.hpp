// How the help looks: flags in their groups, texts wrapped beside them, examples at the end. Used
// by command_line.cpp.
#pragma once

#include <CLI/Formatter.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.hpp"

namespace throughline::app {

/// The line of help with the default and the well-known variables behind it.
[[nodiscard]] std::string describe_option(const option& of);

/// `text` in lines of at most `width` columns, each after the first with `indent` blanks in front.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

class help_formatter : public CLI::Formatter {
 public:
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
  std::string make_option(const CLI::Option* of, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_usage(const CLI::App* command, std::string name) const override;
  std::string make_footer(const CLI::App* command) const override;
};

extern const std::string_view program_examples;
extern const std::string_view serve_examples;
extern const std::string_view config_examples;
extern const std::string_view chat_examples;
extern const std::string_view mock_model_examples;
extern const std::string_view chaos_proxy_examples;
extern const std::string_view bench_examples;
extern const std::string_view check_examples;
extern const std::string_view inspect_examples;
extern const std::string_view task_examples;
extern const std::string_view queue_examples;
extern const std::string_view worker_examples;

}  // namespace throughline::app
